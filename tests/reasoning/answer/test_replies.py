"""Replies as models of today write them, with the answer that a careful reader sees in each."""

import importlib.util
import json
import os
from fractions import Fraction
from pathlib import Path

import pytest

from reasoning.answer import kind

DATA = Path(os.environ.get("REASONING_TEST_DATA") or Path(__file__).parents[4] / "shared" / "data") / "replies"
NUMBER, CHOICE, BOOLEAN, TEXT = kind("number"), kind("choice"), kind("boolean"), kind("text")

NUMBERS = {
    # stated, with more in the sentence than the answer
    "Answer: Out of the 40 seats, 28 are taken.": "28",
    "**Answer:** Paying $12 for each of 4 tickets, Sam spends $48 in total.": "48",
    "Final answer: In 2019 the farm had 64 goats.": "64",
    "Answer: Each of the 5 cousins receives 9 shells.": "9",
    "The answer is 7 more than 8: 15": "15",
    "The answer is 25% of 80, which is 20.": "20",
    "The answer is the sum 6 + 9, i.e., 15.": "15",
    "The answer is 6 * 4 = 24 eggs": "24",
    "The answer is g(2) = 14.": "14",
    "The answer is 30 of the 45 pupils.": "30",
    "Answer: 42 cards (7 packs × 6)": "42",
    "The answer is 30 because 5 * 6 = 30.": "30",
    "The answer is a dozen, that is 12.": "12",
    "Thus 35 is the answer.": "35",
    "So our answer is 9 m².": "9",
    "Result = 44": "44",
    "Final answer: $44": "44",
    "The correct value is 31.": "31",
    '{"reasoning": "3 * 7", "answer": 21}': "21",
    "[ANSWER] 21 [/ANSWER]": "21",
    "<final_answer>21</final_answer>": "21",
    "#### 21 stickers each": "21",
    "#### -4": "-4",
    "#### 3/8": "3/8",
    # derivations behind a mark
    "Answer:\n4 * 6 = 24\n24 + 3 = 27": "27",
    "Solution: First 4 * 6 = 24. Then 24 + 3 = 27.": "27",
    # boxes
    r"\boxed{\text{She has } 31 \text{ left}}": "31",
    r"\boxed{x = 60^\circ}": "60",
    r"\boxed{\binom{6}{2} = 15}": "15",
    r"\boxed{\sqrt{81} = 9}": "9",
    r"\boxed{\tfrac{5}{12}\text{ hour}}": "5/12",
    r"\boxed{0.\overline{6}}": "2/3",
    r"\boxed{2\,500}": "2500",
    r"\boxed{\$3.75}": "3.75",
    r"\boxed{36 cm^2}": "36",
    r"\fbox{36}": "36",
    r"\boxed{3x + 1}": None,
    r"\boxed{(2, 5)}": None,
    r"\boxed{[1, 4]}": None,
    # conclusions, with givens, checks, notes, offers and suppositions around them
    "Each box weighs 4 kg and there are 6 boxes, so together they weigh 24 kg.": "24",
    "So the 3 friends pay $45 for the 5 pizzas.": "45",
    "Therefore, Lena walks **14 km** in 2 weeks.": "14",
    "He saves **$35** a week.\n\nVerification: 35 * 4 = 140 ✓": "35",
    "The trip takes 6 hours.\n\nCheck: 6 × 50 = 300.": "6",
    "She needs 9 jars.\n\nNote: this assumes that no jar breaks on the 2 trips.": "9",
    "It costs **$18.40**.\n\nWould you like a table with 12 months?": "18.40",
    "They used 15 litres. If they had driven 100 km more, it would have been 22 litres.": "15",
    "She has **$31** left.\n\n- Start: $50\n- Bread: $4\n- Cheese: $15": "31",
    "14 days, because 42 / 3 = 14.": "14",
    "30 apples\n+ 12 = 42\n42 / 6 = 7": "7",
    "Width = 4\nLength = 9\nArea = 4 * 9 = 36": "36",
    "| Item | Cost |\n|---|---|\n| Pen | 3 |\n| Book | 9 |\n| Total | 12 |": "12",
    "1. Two bags hold 2 × 8 = 16 nuts.\n2. She eats 5, so 16 − 5 = 11 are left.": "11",
    # corrections and withdrawals
    "The answer is 24. Wait, I forgot the tip. The answer is 27.": "27",
    "The answer is 24... no, wait, 27.": "27",
    "Answer: 24\n\nHold on, that is per week. The correct number is 96.": "96",
    "My first answer of 24 was wrong. The right number is 27.": "27",
    "The answer isn't 24; it's 27.": "27",
    "The answer is not 24 but 27.": "27",
    "Answer: ~~24~~ 27": "27",
    "The answer is 27. If he had sold 3 more, the answer would be 30.": "27",
    # thoughts, and the next question of a run-on text
    "<reasoning>The answer is 9, or 12?</reasoning>\nHe pays $15.": "15",
    "[THINK]Maybe the answer is 9.[/THINK] He pays $15.": "15",
    "◁think▷The answer is 9?◁/think▷ He pays $15.": "15",
    "Hmm, the answer is 9?</think>\nHe pays $15.": "15",
    "The answer is 15.\n\nQuestion: How many are 2 and 3?\nAnswer: The answer is 5.": "15",
    "#### 15<|im_end|>\n<|im_start|>user\nThe answer is 8?": "15",
    # numbers in words and other notations
    "The answer is twenty-seven.": "27",
    "The answer is two and a half.": "5/2",
    "The answer is one point two five.": "5/4",
    "The answer is three quarters of the pie.": "3/4",
    "**Nine** birds remain.": "9",
    "Answer: a quarter": "1/4",
    "The answer is 3 millions.": "3000000",
    "The answer is 4.5E+03": "4500",
    "The answer is 10/3 ≈ 3.33.": "10/3",
    "The answer is 16/4 = 4.": "4",
    "The area is 4π ≈ 12.57 cm².": "12.57",
    # no answer
    "There is not enough information to say: only 3 of the 5 prices are given.": None,
    "So it is **7:45 AM**, after 3 trains.": None,
}
LOCAL = {
    ("de", "Antwort: In den 4 Kisten liegen zusammen 52 Äpfel."): "52",
    ("de", "Die Antwort lautet 3 Millionen."): "3000000",
    ("de", "Das Ergebnis ist 1.250,50 €."): "1250.50",
    ("fr", "La réponse est de 24 euros."): "24",
    ("es", "La respuesta sería 24."): "24",
    ("zh", "答案是 2.5 亿。"): "250000000",
    ("zh", "答案是二十四。"): "24",
    ("ja", "答えは24個です。"): "24",
}
CHOICES = {
    "The correct option is (B).\n\n(A) is too small and (D) is too large.": "B",
    "Selected option: **D**\nReason: A and B count the tax twice.": "D",
    "We can rule out (A) and (B). Of (C) and (D), only (D) works.": "D",
    "**Option B: 14**": "B",
    "B) 14": "B",
    "b)": "B",
    "The answer is vitamin D, so (A).": "A",
    "It is not A but E.": "E",
    "The answer is B. Wait, I misread the table; it should be D.": "D",
    "A is wrong.\nB is correct.\nC is wrong.": "B",
    "(A) ❌\n(B) ✅\n(C) ❌": "B",
    "I choose D over option A.": "D",
    "Option A looks tempting, but D is correct.": "D",
    "The answer is D.\n\nQuestion: Which is a metal?\n(A) iron (B) wood\nAnswer: A": "D",
    '{"answer": "C) 14"}': "C",
    r"\boxed{\textbf{(D) } 14}": "D",
    "After crossing out the others we are left with E.": "E",
    "The answer is A or C": None,
    "A) 5\nB) 6\nC) 7": None,
}
BOOLEANS = {
    "No, it does not.": False,
    "**Yes** — there is no rule against it.": True,
    "The answer is no longer true.": False,
    "That is not correct.": False,
    "The answer is not no.": True,
    "Yes... actually, no.": False,
    "True or false? False": False,
    '{"answer": false, "why": "true of most"}': False,
    "The answer is yes and no.": None,
    "Neither.": None,
}
TEXTS = {
    "The answer is Lisbon because it is the capital.": "Lisbon",
    "**Answer:** Ada Lovelace\n\nShe was born in 1815.": "Ada Lovelace",
    '{"answer": "Lisbon", "confidence": 0.9}': "Lisbon",
    r"\boxed{\textbf{Lisbon}}": "Lisbon",
    'The answer is "red fox".': "red fox",
    "Answer: U.S. Navy. It is large.": "U.S. Navy",
}


@pytest.mark.parametrize(("text", "answer"), NUMBERS.items())
def test_numbers(text: str, answer: str | None) -> None:
    found = NUMBER.extract(text)
    assert (None if found is None else found.answer) == (None if answer is None else Fraction(answer))


@pytest.mark.parametrize(("place", "answer"), LOCAL.items())
def test_numbers_in_other_languages(place: tuple[str, str], answer: str) -> None:
    code, text = place
    found = kind("number", locale=code).extract(text)
    assert found is not None
    assert found.answer == Fraction(answer)


@pytest.mark.parametrize(("text", "label"), CHOICES.items())
def test_choices(text: str, label: str | None) -> None:
    found = CHOICE.extract(text)
    assert (None if found is None else found.answer) == label


@pytest.mark.parametrize(("text", "answer"), BOOLEANS.items())
def test_booleans(text: str, answer: bool | None) -> None:
    found = BOOLEAN.extract(text)
    assert (None if found is None else found.answer) == answer


@pytest.mark.parametrize(("text", "answer"), TEXTS.items())
def test_texts(text: str, answer: str) -> None:
    found = TEXT.extract(text)
    assert found is not None
    assert TEXT.equal(found.answer, answer)


OPTIONS = kind("choice", labels=("A", "B", "C", "D"), options=("12", "12.5", "$13", "15%"))


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("The answer is 12.50.", "B"),
        ("So it is 13 dollars.", "C"),
        ("The answer is 15 percent", "D"),
        ("It is 99.", None),
    ],
)
def test_options_are_known_by_their_value(text: str, label: str | None) -> None:
    found = OPTIONS.extract(text)
    assert (None if found is None else found.answer) == label


def test_evidence_says_how_sure_an_answer_is() -> None:
    texts = {
        r"So \boxed{18}.": "boxed",
        "The answer is 18.": "stated",
        "So she makes $18 a day.": "concluded",
        "from the 9 on the left to the 5 on the right": "guessed",
    }
    found = {text: NUMBER.extract(text) for text in texts}
    assert {text: one and one.evidence for text, one in found.items()} == texts


@pytest.mark.skipif(importlib.util.find_spec("math_verify") is None, reason="math-verify is not installed")
@pytest.mark.parametrize(
    ("gold", "reply", "equal"),
    [
        ("31_5", r"\boxed{31_5}", True),
        ("31_5", r"\boxed{315}", False),
        (r"\frac{5}{2}", r"\boxed{2.5 \text{ m}}", True),
        (r"\left(\frac12, 4\right)", r"\boxed{(0.5,\;4)}", True),
        ("7", r"\boxed{h(3) = 7}", True),
        ("7", r"\boxed{|CD| = 7}", True),
        ("7", r"\boxed{7 = x}", True),
        ("(5,6)", r"\boxed{(x, y) = (5, 6)}", True),
        ("(5,6)", r"\boxed{x = 5, y = 6}", True),
        ("512", r"\boxed{2^9 = 512}", True),
        (r"2^9 = 512", r"\boxed{4 + 5 = 9}", False),
        (r"\text{Evelyn}", "The answer is Evelyn.", True),
        (r"\text{(D)}", r"\boxed{D}", True),
        (r"[2,5)", r"\boxed{2 \le x < 5}", True),
        (r"[2,5)", r"\boxed{2 \le x \le 5}", False),
        ("12:00", r"\boxed{7:00}", False),
        ("2:7", r"\boxed{2:7}", True),
        (r"3\pi", "The answer is 3 pi.", True),
        (r"\ln 5", "The answer is ln 5.", True),
        ("3,-4", "Therefore the solutions are $x = 3$ and $x = -4$.", True),
        ("3,-4", r"\boxed{3} \text{ and } \boxed{-4}", True),
        (r"2 \pm \sqrt{7}", r"\boxed{x = 2 + \sqrt{7}, x = 2 - \sqrt{7}}", True),
        (r"2 \pm \sqrt{7}", r"\boxed{2+\sqrt{7}}", False),
        (r"\frac{2+3i}{4}", r"\boxed{1/2 + 3/4 i}", True),
        (r"5\sqrt3", "**5√3 cm**", True),
        ("0.4", r"\boxed{40\%}", True),
        ("3x - y + 2 = 0", r"\boxed{y = 3x + 2}", True),
        (r"\begin{pmatrix}\frac14\\2\end{pmatrix}", r"\boxed{\begin{pmatrix} 0.25 \\ 2 \end{pmatrix}}", True),
        (r"\text{no solution}", r"\boxed{\text{No solution}}", True),
    ],
)
def test_expressions(gold: str, reply: str, equal: bool) -> None:
    expression = kind("expression", seconds=30)
    right, found = expression.parse(gold), expression.extract(reply)
    assert right is not None
    assert found is not None
    assert expression.equal(right, found.answer) == equal


def test_every_reply_of_the_corpus_is_read_as_its_label_says() -> None:
    file = DATA / "dev.jsonl"
    if not file.is_file():
        pytest.skip(f"the labelled replies are not in {DATA}")
    if importlib.util.find_spec("math_verify") is None:
        pytest.skip("math-verify is not installed")
    wrong = []
    for row in map(json.loads, file.read_text(encoding="utf-8").splitlines()):
        fields = {name: row[name] for name in ("locale", "labels", "options") if name in row}
        fields |= {"seconds": 30} if row["kind"] == "expression" else {}
        reader = kind(row["kind"], **fields)
        found = reader.extract(row["text"])
        if found is None or row["answer"] is None:
            right = found is None and row["answer"] is None
        elif row["kind"] == "expression":
            gold = reader.parse(row["gold"])
            right = gold is not None and reader.equal(found.answer, gold) == row["equal"]
        else:
            answer = reader.parse(row["answer"]) if row["kind"] != "number" else Fraction(row["answer"])
            right = answer is not None and reader.equal(found.answer, answer)
        if not right:
            wrong.append((row["id"], row["text"]))
    assert wrong == []
