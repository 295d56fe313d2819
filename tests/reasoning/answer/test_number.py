"""Numbers are read as a reader reads them."""

from fractions import Fraction

import pytest

from reasoning.answer import Number

F = Fraction  # what a table of cases is read by
NUMBER = Number()

PEERS_GET_WRONG = [
    ("The answer is 18", 18),
    ("The answer is 5", 5),
    ("The answer is $18.", 18),
    (r"**Answer: \$18**", 18),
    ("$18.00", 18),
    ("18 … helps...", 18),
    ("18. (Checked 2 ways.)", 18),
    ("1,000,000", 10**6),
    ("-3", -3),
    ("1e3", 1000),
    ("3 1/2", F(7, 2)),
    ("50%", 50),
    (".5", F(1, 2)),
    (r"\boxed{\frac{1}{2}}", F(1, 2)),
    ("The answer is 72.", 72),
    ("The answer is 62.", 62),
    ("They write '#### 5' at the end, as in '#### 7'.\n#### 7\nSo here it is.\n#### 18", 18),
    ("#### 5 was the first.\nThen\n#### 7\nSo the answer is 18", 18),
]

NOTATION = [
    ("1,000", 1000),
    ("$1000.00", 1000),
    (r"\boxed{1000}", 1000),
    ("１２", 12),
    ("−3", -3),
    ("1\u2009000", 1000),
    ("1\u202f000", 1000),
    ("1\u00a0000", 1000),
    ("1 000", 1000),
    ("1{,}000", 1000),
    (r"1\,000", 1000),
    (r"1,\!000", 1000),
    ("1'000", 1000),
    ("1_000", 1000),
    ("1,00,000", 100_000),
    ("1.000.000", 10**6),
    ("1.000,50", F(2001, 2)),
    ("1,5", F(3, 2)),
    ("0,125", F(1, 8)),
    ("1,234.5", F(2469, 2)),
    ("18.", 18),
    ("18 dollars", 18),
    ("$18 per day", 18),
    ("5 km", 5),
    ("5km", 5),
    ("x = 18", 18),
    ("= 18", 18),
    ("1.5 × 10^3", 1500),
    (r"1.5\times10^{3}", 1500),
    ("1.5 * 10**3", 1500),
    ("1.5×10³", 1500),
    ("1.5e-3", F(3, 2000)),
    ("3E5", 300_000),
    ("10^{6}", 10**6),
    ("10⁶", 10**6),
    ("10^-2", F(1, 100)),
    ("It is 2^{10}", 1024),
    ("1.2 million", 1_200_000),
    ("$3 million", 3_000_000),
    ("$5k", 5000),
    ("1.5万", 15_000),
    ("½", F(1, 2)),
    ("3½", F(7, 2)),
    ("3 and 1/2", F(7, 2)),
    ("-1/2", F(-1, 2)),
    ("1 / 2", F(1, 2)),
    (r"\frac{3}{4}", F(3, 4)),
    (r"\dfrac{3}{4}", F(3, 4)),
    (r"\tfrac34", F(3, 4)),
    (r"-\frac12", F(-1, 2)),
    (r"\frac{-3}{4}", F(-3, 4)),
    (r"3\frac{1}{2}", F(7, 2)),
    ("negative 5", -5),
    ("-$5", -5),
    ("$-5", -5),
    ("(−3)", -3),
    ("€1.234,56", F(123_456, 100)),
    ("£5.50", F(11, 2)),
    ("¥1,800", 1800),
    ("１８円", 18),
    ("١٨", 18),
    ("१८", 18),
    ("১৮", 18),
    ("๑๘", 18),
    ("౧౮", 18),
    ("𝟏𝟖", 18),
    ("50 percent", 50),
    (r"50\%", 50),
]

MARKED = [
    ("The answer is 20 - 2 = 18. I checked 2 times", 18),
    ("The answer is 16 eggs - 3 eggs = 13 eggs", 13),
    ("The answer is 18 (9 * 2 = 18).", 18),
    ("The answer is 18 = 3 × 6", 18),
    ("The answer is 3 × 6 = 18", 18),
    ("The answer is 18, because 9 * 2 is that.", 18),
    ("the answer is 5 apples and 3 pears", 5),
    ("The answer is 3 out of 5", 3),
    ("The answer is 10% of 50 = 5", 5),
    ("The answer is 18 eggs - 9 a day.", 18),
    ("The answer to 9 * 2 is 18", 18),
    ("Your answer should be 18", 18),
    ("Answer (in dollars): 18", 18),
    ("The answer is five (5).", 5),
    ("The answer is 1/2 cup", F(1, 2)),
    ("The answer is -3.", -3),
    ("The answer is: -3", -3),
    ("The answer is - 3", -3),
    ("Answer: −3", -3),
    ("The answer is $-5$", -5),
    ("Answer - 18", 18),
    ("answer: ~18", 18),
    ("ANSWER: 18", 18),
    ("Answer = 18", 18),
    ("Answer → 18", 18),
    ("This gives an answer of 18 dollars.", 18),
    ("The answer is approximately 18.", 18),
    ("Thus the answer is **18**.", 18),
    ("The answer (arabic numerals) is 18", 18),
    ("Therefore, the answer to the problem is 18 dollars.", 18),
    ("The answer, therefore, is 18.", 18),
    ("The final answer is 1,234.50", F(2469, 2)),
    ("Final Answer: The final answer is $18$. I hope it is correct.", 18),
    (r"The final answer is: $\boxed{18}$. I hope it is correct", 18),
    ("The answer is 18\n\nLet me know if I can help with 2 more.", 18),
    ("The answer is\n18", 18),
    ("The answer is:\n\n$$18$$", 18),
    ("Answer:\n\n**18**", 18),
    ("### Answer\n18", 18),
    ("#### Final Answer\n**18**", 18),
    ("**Answer:** Janet makes **$18** from 9 eggs.", 18),
    ('{"answer": 18}', 18),
    ("<answer>18</answer>", 18),
    ("<answer> $18 </answer> Here are 2 checks.", 18),
    ("<think>#### 5 or 7</think>\nShe makes $18", 18),
    ("The answer is eighteen.", 18),
    ("The answer is seven hundred and five", 705),
    ("The answer is minus twenty-one apples", -21),
    ("The answer is two-thirds.", F(2, 3)),
    ("The answer is one of these: 5 or 6", 5),
    ("####18", 18),
    ("#### $18.00", 18),
    ("#### 18 dollars", 18),
    ("#### 1,000", 1000),
    ("#### 3. Compute\nTotal is 8", 8),
    ("#### Step 3: compute 5\nTotal is 8", 8),
    (r"\boxed{\boxed{18}}", 18),
    (r"\boxed{18 \text{ dollars}}", 18),
    (r"\boxed{\text{18 dollars}}", 18),
    (r"\boxed{x = 18}", 18),
    (r"\boxed{18\%}", 18),
    (r"\boxed{-\dfrac{3}{4}}", F(-3, 4)),
    (r"\boxed{3\frac{1}{2}}", F(7, 2)),
    (r"$\boxed{\$1{,}200}$", 1200),
    ("\\[\n\\boxed{42}\n\\]", 42),
    (r"\boxed 18", 18),
    (r"\boxed{5} was the first part. The answer is 18.", 18),
    (r"The answer is 5 for the first part, and in all \boxed{18}.", 18),
    ("The answer is not 5. It is 18", 18),
    ("The answer is clear.\nShe makes 18", 18),
    ("Answer: Janet sells 9 eggs.\nShe makes 9*2 = 18", 18),
    ("Answer: 16 - 3 - 4 = 9. Then 9 * 2 = 18.", 18),
    ("Answer:\n1. She has 16 - 7 = 9 eggs.\n2. She makes 9 * 2 = $18.", 18),
]

UNMARKED = [
    ("20 - 2 = 18", 18),
    ("5-3", 3),
    ("10-12", 12),
    ("from 10 to 12", 12),
    ("20 minus 2", 2),
    ("5 - -3", -3),
    ("1,2,3", 3),
    ("1. Janet has 16\n2. So the total is 18\n3. Check", 18),
    ("- She sells 9\n- She makes 18", 18),
    ("So she makes **$18** from 9 eggs.", 18),
    ("She sold 9 eggs (3 a day).", 9),
    ("She makes 9 * 2 = $<<9*2=18>>18", 18),
    ("18\n\nThat is 9 eggs at $2.", 18),
    ("5 m^2", 5),
    ("x_1 = 7 for x_2", 7),
    ("The room of 7 is B12", 7),
    ("So 2^10 = 1024", 1024),
    ("On May 3 he had 4", 4),
    ("She has 18, as of 2024-05-03", 18),
    ("She leaves with 18 at 3:30", 18),
    ("The ratio 3:2 leaves her 18 of them, the 2nd time", 18),
    ("🎉 18 🎉", 18),
]

NO_NUMBER = [
    "<think>9 * 2</think>\n",
    "",
    "no numbers",
    "...",
    "It starts at 3:30",
    "The ratio is 3:2",
    "2024-05-03",
    "Room B12",
    "He came 3rd",
    "Step 3",
    "The answer is 10-12",
    "The answer is 3:2",
    "The answer is 3 * 6",
    "The answer is 1/0",
    r"\boxed{5\pi}",
    r"\boxed{\sqrt{2}}",
    r"\boxed{5, 6}",
    r"\boxed{}",
    "nan",
    "inf",
    "1e999999",
    "1e9999999999",
    "9^999999",
    "0^-1",
]


@pytest.mark.parametrize(("text", "right"), PEERS_GET_WRONG + NOTATION + MARKED + UNMARKED)
def test_extract(text: str, right: F) -> None:
    found = NUMBER.extract(text)
    assert found is not None
    assert found.answer == right
    assert NUMBER.parse(text[slice(*found.span)]) == right


@pytest.mark.parametrize("text", NO_NUMBER)
def test_extract_nothing(text: str) -> None:
    assert NUMBER.extract(text) is None


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (r"\boxed{18}", "boxed"),
        ("<answer>18</answer>", "answer tag"),
        ("The answer is 18", "answer is"),
        ("#### 18", "####"),
        ("18", "leading"),
        ("She makes **18** of 9", "bold"),
        ("She makes 18", "conclusion"),
    ],
)
def test_extraction_says_by_which_rule(text: str, rule: str) -> None:
    found = NUMBER.extract(text)
    assert found is not None
    assert found.rule == rule


@pytest.mark.parametrize(("text", "right"), NOTATION)
def test_parse_reads_the_same_notation(text: str, right: F) -> None:
    assert NUMBER.parse(text) == right


@pytest.mark.parametrize(("text", "right"), [("50%", F(1, 2)), ("The answer is 12.5 percent", F(1, 8)), ("18", 18)])
def test_percent_is_a_factor_where_it_is_not_the_unit(text: str, right: F) -> None:
    number = Number(unit=None)
    found = number.extract(text)
    assert found is not None
    assert found.answer == right
    assert number.parse(text) == right
    assert number.parse(text[slice(*found.span)]) == right


@pytest.mark.parametrize(
    ("locale", "text", "right"),
    [
        ("de", "1.000,5", F(2001, 2)),
        ("de", "1.000", 1000),
        ("de", "1,5", F(3, 2)),
        ("de", "1.5", F(3, 2)),
        ("de", "3{,}5", F(7, 2)),
        ("de", "1,000,000", 10**6),
        ("de", "Die Antwort lautet 80.000 $.", 80_000),
        ("de", "Die Antwort ist: 18. Das sind 2 mehr.", 18),
        ("fr", "La réponse est 80 000 $.", 80_000),
        ("fr", "Réponse : 1 000,50", F(2001, 2)),
        ("es", "La respuesta es 11.", 11),
        ("ru", "Ответ — 18. Проверено 2 раза.", 18),
        ("zh", "答案是18。检查了2次。", 18),
        ("ja", "答えは18です。2回確認しました。", 18),
        ("th", "คำตอบคือ ๑๘ บาท 2", 18),
        ("sw", "Jibu ni 18. Mara 2.", 18),
        ("bn", "উত্তর হল ১৮। ২", 18),
        ("te", "సమాధానం: 18. 2", 18),
        ("de", "The answer is 18. Das sind 2.", 18),
        ("en", "1.000", 1),
    ],
)
def test_locale(locale: str, text: str, right: F) -> None:
    found = Number(locale=locale).extract(text)
    assert found is not None
    assert found.answer == right
