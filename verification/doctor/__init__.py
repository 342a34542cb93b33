"""Measurement of the doctor: seeded faults and healthy runs that it has to tell apart, and the rules of earlier tools.

python -m verification.doctor --processes=2           # diagnoses all cases that are not in results.jsonl yet
python -m verification.doctor --learn                 # learns zoo/doctor/likelihood.json from one part of them
python -m verification.doctor --write                 # writes the figures of the other part into docs/doctor.md
"""
