"""The experiment LargestRadius, converted from experiments/largest_radius.xxp."""

from pathlib import Path

import pxw

import python_conditions
import python_configurations
from limited import limited

PROJECT = Path(__file__).parents[1]


@pxw.flow(name="LargestRadius")
def largest_radius(seed: int = 0, parallel: int = 1) -> dict[str, pxw.Runs]:
    """Run the experiment LargestRadius."""
    coarse = pxw.grid(limit=[20, 30])
    fine = pxw.sample(python_configurations.even_only(list(pxw.grid(limit=range(10, 21)))), runs=2, seed=seed)
    results: dict[str, pxw.Runs] = {}

    results["Coarse"] = pxw.Runs()
    with results["Coarse"].parallel(parallel) as submit:
        for number, configuration in enumerate(coarse, 1):
            submit(
                configuration,
                limited,
                output_file=pxw.Local(PROJECT / f"results/Coarse-{number}/output.csv"),
                largest_radius=configuration["limit"],
            )

    if python_conditions.removes_rows("Coarse", results):
        results["Fine"] = pxw.Runs()
        with results["Fine"].parallel(parallel) as submit:
            for number, configuration in enumerate(fine, 1):
                submit(
                    configuration,
                    limited,
                    output_file=pxw.Local(PROJECT / f"results/Fine-{number}/output.csv"),
                    largest_radius=configuration["limit"],
                )

    return results


if __name__ == "__main__":
    largest_radius()
