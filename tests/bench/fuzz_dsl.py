"""100 000 mutated files: no crash, no hang (under 1 s each), always positions.

Run it: `python tests/bench/fuzz_dsl.py [how many] [seed]`. A text that fails is printed, and kept in the folder named.
"""

import random
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "dsl"))

from dsl_fuzz import check, corpus, mutated


def main(count, seed):
    """Read so many mutated files, and print the slowest time."""
    chance, texts, slowest, failed = random.Random(seed), corpus(), 0.0, 0
    folder = Path(tempfile.mkdtemp(prefix="fuzz_dsl_"))
    began = time.perf_counter()
    for index in range(count):
        text = mutated(chance, texts)
        try:
            seconds = check(text, folder / "w.xxp")
        except Exception as error:
            failed += 1
            (folder / f"failed_{index}.xxp").write_text(text, encoding="utf-8", errors="surrogatepass")
            print(f"{index}: {type(error).__name__}: {str(error)[:300]}\n  kept as {folder}/failed_{index}.xxp")
            continue
        slowest = max(slowest, seconds)
    print(
        f"{count} files, {failed} failed, slowest {slowest * 1000:.0f} ms, {time.perf_counter() - began:.0f} s in all"
    )
    return bool(failed) or slowest >= 1


if __name__ == "__main__":
    given = [int(each) for each in sys.argv[1:]]
    sys.exit(main(*given, *(100_000, 0)[len(given) :]))
