#!/bin/sh
# For `git bisect run`: does this commit train as the baseline did?
#
#     git bisect start BAD GOOD && git bisect run sh bisect.sh before.json [FLAGS OF VERIFICATION]
#
# `git bisect` takes 0 as good, 125 as "cannot be tested" and other numbers up to 127 as bad, so that an invalid command (2),
# an undecided comparison (3) and a crash (70) become 125, and 1, a difference, remains.
#
# BUILD is a command that makes this commit ready, such as `pip install ./jax`; a commit that does not build is skipped.
baseline=$1
shift
sh -c "${BUILD:-true}" || exit 125
${PYTHON:-python} -m verification --baseline="$baseline" "$@"
status=$?
[ $status -le 1 ] || status=125
exit $status
