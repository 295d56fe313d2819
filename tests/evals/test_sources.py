"""Readers: what they read, and what they say of what they cannot."""

import json
import threading
from pathlib import Path

import pytest

from evals.sources import Rows, read_file, read_hub
from reasoning.errors import DataError, UnknownNameError

CARD = """---
configs:
- config_name: main
  data_files:
  - split: test
    path: main/test-*
  - split: train
    path: main/train-*
---
"""


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_bytes(text.encode())
    return path


def listed(rows: Rows) -> list[dict[str, object]]:
    return [dict(rows[i]) for i in range(len(rows))]


def test_json_lines(tmp_path: Path) -> None:
    rows = read_file(written(tmp_path, "a.jsonl", '\ufeff{"q": "é", "n": 1}\r\n\n  \n{"q": "b", "n": 2}'))
    assert listed(rows) == [{"q": "é", "n": 1}, {"q": "b", "n": 2}]
    assert rows.place(1).endswith("a.jsonl, line 4")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"q": "half', "line 2, column 7: Unterminated string starting at; expected one JSON object a line"),
        ("{'q': 1}", "line 2, column 2: Expecting property name"),
        ("[1]", "line 2: found list; expected a JSON object"),
        ("null", "line 2: found NoneType; expected a JSON object"),
    ],
)
def test_a_line_that_is_no_object_is_named(tmp_path: Path, line: str, words: str) -> None:
    rows = read_file(written(tmp_path, "a.jsonl", f'{{"q": 1}}\n{line}\n'))
    assert rows[0] == {"q": 1}
    with pytest.raises(DataError, match=words):
        rows[1]


def test_other_encodings_are_named(tmp_path: Path) -> None:
    for name, form in (("a.jsonl", "line 1: not UTF-8"), ("a.json", "not UTF-8"), ("a.csv", "not UTF-8")):
        path = tmp_path / name
        path.write_bytes('[{"q": "é"}]'.encode("latin-1") if name == "a.json" else '{"q": "é"}'.encode("latin-1"))
        with pytest.raises(DataError, match=form):
            read_file(path)[0]


def test_json_lines_are_read_from_many_threads(tmp_path: Path) -> None:
    rows = read_file(
        written(tmp_path, "a.jsonl", "".join(json.dumps({"n": n, "t": "x" * n}) + "\n" for n in range(300)))
    )
    seen: list[bool] = []

    def check() -> None:
        seen.extend(rows[n] == {"n": n, "t": "x" * n} for n in range(300))

    threads = [threading.Thread(target=check) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 2400
    assert all(seen)


def test_a_json_array(tmp_path: Path) -> None:
    rows = read_file(written(tmp_path, "a.json", '[{"q": 1},\n {"q": 2}]'))
    assert listed(rows) == [{"q": 1}, {"q": 2}]
    assert rows.place(1).endswith("a.json, entry 2")
    with pytest.raises(DataError, match=r"b\.json, line 2: Expecting"):
        read_file(written(tmp_path, "b.json", '[{"q": 1},\n {"q": ]'))
    with pytest.raises(DataError, match="entry 2: found int"):
        read_file(written(tmp_path, "c.json", '[{"q": 1}, 2]'))
    with pytest.raises(DataError, match="found int; expected a JSON array"):
        read_file(written(tmp_path, "d.json", "3"))


def test_json_lines_named_json(tmp_path: Path) -> None:
    assert listed(read_file(written(tmp_path, "a.json", '{"q": 1}\n{"q": 2}\n'))) == [{"q": 1}, {"q": 2}]


def test_csv_with_quotes_and_line_breaks(tmp_path: Path) -> None:
    rows = read_file(written(tmp_path, "a.csv", '\ufeffq,a\r\n"one, ""two""\nthree",1\r\n\r\nfour,2\r\n'))
    assert listed(rows) == [{"q": 'one, "two"\nthree', "a": "1"}, {"q": "four", "a": "2"}]
    assert rows.place(0).endswith("a.csv, line 2")
    assert rows.place(1).endswith("a.csv, line 5")
    assert listed(read_file(written(tmp_path, "a.tsv", "q\ta\nb, c\t1\n"))) == [{"q": "b, c", "a": "1"}]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("q,a\nx,1\ny\n", r"line 3: 1 cells; expected 2 \(q, a\)"),
        ("q,a\nx,1,2\n", "line 2: 3 cells; expected 2"),
        ("q,q\nx,1\n", "line 1: expected a header of distinct column names"),
        ("", "line 1: expected a header"),
        ('q,a\n"x,1\n', "line 2: unexpected end of data"),
    ],
)
def test_a_broken_csv_is_named_by_line(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        read_file(written(tmp_path, "a.csv", text))


def test_parquet(tmp_path: Path) -> None:
    import datasets

    path = tmp_path / "a.parquet"
    datasets.Dataset.from_list([{"q": "x", "options": ["A)1", "B)2"]}, {"q": "y", "options": []}]).to_parquet(str(path))
    rows = read_file(path)
    assert listed(rows) == [{"q": "x", "options": ["A)1", "B)2"]}, {"q": "y", "options": []}]
    assert rows.place(1).endswith("a.parquet, row 2")
    with pytest.raises(DataError, match="expected a parquet file"):
        read_file(written(tmp_path, "b.parquet", "no parquet"))


def test_a_copy_of_a_hubs_repository(tmp_path: Path) -> None:
    written(tmp_path, "README.md", CARD)
    (tmp_path / "main").mkdir()
    written(tmp_path, "main/test-0.jsonl", '{"q": "test"}\n')
    written(tmp_path, "main/train-0.jsonl", '{"q": "train"}\n')
    assert listed(read_file(tmp_path, "test", "main")) == [{"q": "test"}]
    assert listed(read_file(tmp_path, "train+test", "main")) == [{"q": "train"}, {"q": "test"}]
    with pytest.raises(DataError, match=r"split 'tests' .*Should be one of"):
        read_file(tmp_path, "tests", "main")
    with pytest.raises(DataError, match=r"'socratic' not found\. Available: \['main'\]"):
        read_file(tmp_path, "test", "socratic")


def test_what_save_to_disk_wrote(tmp_path: Path) -> None:
    import datasets

    one = datasets.Dataset.from_list([{"q": "test"}])
    one.save_to_disk(str(tmp_path / "one"))
    datasets.DatasetDict(test=one, train=datasets.Dataset.from_list([{"q": "train"}])).save_to_disk(
        str(tmp_path / "two")
    )
    assert listed(read_file(tmp_path / "one")) == [{"q": "test"}]
    assert listed(read_file(tmp_path / "two", "train+test")) == [{"q": "train"}, {"q": "test"}]
    with pytest.raises(UnknownNameError, match="Did you mean 'test'"):
        read_file(tmp_path / "two", "tests")
    (tmp_path / "one" / "state.json").unlink()
    with pytest.raises(DataError, match="Expected a folder that `datasets` can read"):
        read_file(tmp_path / "one")


def test_a_folder_without_data(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Expected a folder that `datasets` can read"):
        read_file(tmp_path)
    written(tmp_path, "test.jsonl", "{half")
    with pytest.raises(DataError, match="Expected a folder that `datasets` can read"):
        read_file(tmp_path)


def test_a_file_that_is_not_there_or_of_no_known_format(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nope\.jsonl: no such file"):
        read_file(tmp_path / "nope.jsonl")
    with pytest.raises(DataError, match=r"expected a folder, or a file ending in \.jsonl"):
        read_file(written(tmp_path, "a.xlsx", "x"))


@pytest.fixture
def unreachable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A hub whose name resolves nowhere, and an empty cache."""
    import datasets
    from huggingface_hub import constants

    for proxy in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(proxy, raising=False)
    monkeypatch.setattr(constants, "ENDPOINT", "https://hub.invalid")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


@pytest.mark.usefixtures("unreachable")
def test_without_a_network_one_sentence_names_the_remedy() -> None:
    from huggingface_hub import constants

    with pytest.raises(DataError, match=r"neither in the local cache nor can its hub be reached; .* --data FILE"):
        read_hub("openai/gsm8k", "main", "test", None)
    assert constants.HF_HUB_OFFLINE is False  # put back as it was


def test_a_download_that_breaks_off_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    faults = (OSError(28, "No space left on device"), datasets.exceptions.DatasetGenerationError("The shard broke off"))
    left = iter(faults)

    def broken(*args: object, **options: object) -> None:
        raise next(left)

    monkeypatch.setattr(datasets, "load_dataset", broken)
    for fault in faults:
        with pytest.raises(DataError, match=f"could not be loaded: .*{fault.args[-1]}.*Try again"):
            read_hub("openai/gsm8k", "main", "test", None)


@pytest.mark.usefixtures("unreachable")
def test_without_a_network_the_cache_serves(tmp_path: Path) -> None:
    """A cache as `datasets` leaves it after a download: <owner>___<name>/<configuration>/<version>/<hash>."""
    import datasets

    cached = tmp_path / "cache" / "someone___sums" / "main" / "0.0.0" / "0123456789abcdef"
    rows = datasets.Dataset.from_list([{"question": "What is 1 + 1?", "answer": "#### 2"}])
    rows.save_to_disk(str(tmp_path / "made"))
    (arrow,) = (tmp_path / "made").glob("*.arrow")
    cached.mkdir(parents=True)
    arrow.rename(cached / "sums-test.arrow")
    splits = datasets.SplitDict(dataset_name="sums")
    splits.add(datasets.SplitInfo("test", num_examples=1))
    info = datasets.DatasetInfo(
        features=rows.features, dataset_name="sums", config_name="main", version="0.0.0", splits=splits
    )
    info.write_to_directory(str(cached))
    found = read_hub("someone/sums", "main", "test", None)
    assert listed(found) == [{"question": "What is 1 + 1?", "answer": "#### 2"}]
    assert found.place(0) == "someone/sums (main) test, row 1"
