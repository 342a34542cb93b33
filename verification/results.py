"""Generates the tables of README.md and of pages in docs/ from facts, recipes, ledgers and measurements.

python -m verification.results                                  # prints the tables
python -m verification.results --write                          # updates the pages, each table between its markers
python -m verification.results --write --accelerator=FOLDER     # imports results of an accelerator first
"""

from pathlib import Path

from absl import flags

from verification import performance
from verification.accelerator import intake
from verification.convergence import rates
from verification.doctor import page as doctor
from verification.faults import page as faults
from verification.parts import table_of_parts
from verification.publish.claims import table_of_claims
from verification.publish.ledgers import table_of_recipes
from verification.publish.markdown import with_tables
from verification.publish.networks import table_of_networks
from verification.publish.studies import table_of_studies
from zoo import cli
from zoo.doctor.report.table import table_of_causes
from zoo.errors import ZooError

ROOT = Path(__file__).resolve().parents[1]
README, DOCS = ROOT / "README.md", ROOT / "docs"

FLAGS = flags.FlagValues()
flags.DEFINE_bool("write", False, "Write the tables into their pages instead of printing them.", flag_values=FLAGS)
flags.DEFINE_string(
    "accelerator",
    None,
    "With --write: output folder of python -m verification.accelerator to import first.",
    flag_values=FLAGS,
)


PERFORMANCE_TABLES = {
    "performance": performance.table_of_steps,
    "reading": performance.table_of_reading,
    "start": performance.table_of_starts,
}
ACCELERATOR_TABLES = {
    "agreement": intake.table_of_agreement,
    "determinism": intake.table_of_determinism,
    "learning": intake.table_of_learning,
}
ERROR_RATE_TABLES = {
    "fresh": rates.table_of_fresh_runs,
    "left-out": rates.table_of_left_out_runs,
    "power": rates.table_of_power,
}
FAULT_TABLES = {
    "counts": faults.table_of_counts,
    "missed": faults.table_of_missed,
    "matrix": faults.table_of_trials,
    "faults": faults.table_of_faults,
}
PAGES = {
    README: {"verified": table_of_claims},
    DOCS / "accelerators.md": ACCELERATOR_TABLES,
    DOCS / "doctor.md": {"causes": table_of_causes, "doctor": doctor.figures},
    DOCS / "error-rates.md": ERROR_RATE_TABLES,
    DOCS / "faults.md": FAULT_TABLES,
    DOCS / "networks.md": {"networks": table_of_networks},
    DOCS / "parts.md": {"parts": table_of_parts},
    DOCS / "performance.md": PERFORMANCE_TABLES,
    DOCS / "recipes.md": {"results": table_of_recipes},
    DOCS / "studies.md": {"studies": table_of_studies},
}


def main(args: flags.FlagValues) -> int:
    """Prints or writes the tables."""
    if args.accelerator and not args.write:
        raise ZooError("--accelerator requires --write")
    if not args.write:
        print("\n\n".join(table() for tables in PAGES.values() for table in tables.values()))
        return 0
    for page in PAGES:
        if not page.is_file():
            raise ZooError(f"{page} does not exist: --write requires a source checkout")
    if args.accelerator:
        for path in intake.take_in(Path(args.accelerator)):
            print(f"added results to {path.relative_to(ROOT)}")
    for page, tables in PAGES.items():
        page.write_text(with_tables(page.read_text(encoding="utf-8"), tables, page.name), encoding="utf-8")
    return 0


if __name__ == "__main__":
    cli.run(main, FLAGS)
