from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from svbench.errors import SpecError
from svbench.listening.interchange.configuration import read_configuration

Write = Callable[..., Path]
Page = Callable[..., str]
FINISH = """
    - type: finish
      name: The end
      content: <b>Thanks</b>
      popupContent: Bye
      showResults: true
      showErrors: true
      writeResults: false
      questionnaire:
        - {type: text, name: email, label: Where can we write}
        - {type: number, name: Age, label: Your age, min: 10, max: 99, default: 30}
        - type: likert
          name: plays_music
          label: Do you play?
          optional: true
          response:
            - {value: no, label: Never}
            - {value: yes, img: a.png, imgSelected: b.png, imgHigherResponseSelected: c.png}
        - {type: long_text, name: remarks, optional: TRUE}
"""


PAGES = """
    - {type: generic, id: hello, name: Hello, content: 'Welcome!<br/>Please <i>listen</i>.'}
    - {type: consent, id: c, name: Consent, mustConsent: false, content: '<p>May we?</p><img src=x>'}
    - {type: volume, id: v, name: Volume, stimulus: sounds/ref.wav, defaultVolume: 0.5}
    - type: mushra
      id: train
      content: How <b>good</b>?
      strict: false
      reference: sounds/ref.wav
      createAnchor35: true
      createAnchor70: false
      stimuli:
        A: sounds/a.wav
        B: sounds/b.wav
    -
      - random
      - {type: mushra, id: one, content: 'How good?', showConditionNames: true, reference: r, stimuli: {A: a}}
      - - {type: generic, id: g, content: In between}
"""


def test_a_whole_configuration(written: Write) -> None:
    found = read_configuration(written(PAGES + FINISH, "language: de\n"))
    assert (found.title, found.test_id, found.language, found.kind) == ("A test", "my_test", "de", "mushra")
    assert found.consent == "Welcome!\nPlease listen.\n\nMay we?"
    assert found.volume
    assert [(p.key, p.id, p.create, p.shuffled, p.question) for p in found.pages] == [
        ("pages[3]", "train", ("anchor35",), False, "How good?"),
        ("pages[4][1]", "one", (), True, "How good?"),
    ]
    assert found.pages[0].stimuli == {"A": "sounds/a.wav", "B": "sounds/b.wav"}
    assert [(q.id, q.kind, q.label["de"], q.required) for q in found.questions] == [
        ("age", "number", "Your age", True),
        ("plays_music", "choice", "Do you play?", False),
        ("remarks", "text", "remarks", False),
    ]
    assert found.questions[1].choices == ({"de": "Never"}, {"de": "yes"})
    told = "\n".join(found.notes)
    for note in (
        "pages[1].content: img left out",
        "pages[2]: svbench sets the volume by a sound of its own",
        "pages[3]: strict is false; svbench keeps to BS.1534-3",
        "pages[4][1]: showConditionNames is true",
        "pages[1]: mustConsent is false",
        "pages[4][2][0]: left out, since texts stand before the first trial alone",
        "pages[5].questionnaire[0]: the question 'Where can we write' is left out",
        "pages[5].questionnaire[1].name: 'Age' is called 'age'",
        "pages[5].questionnaire[1]: min, max, default: not kept",
        "pages[5]: showResults is true; listeners never see results",
        "pages[5]: writeResults is false",
        "the order of the trials is drawn for each session",
    ):
        assert note in told
    assert "texts differ" not in told


def test_what_trials_ask_where_their_texts_differ(written: Write, page: Page) -> None:
    found = read_configuration(written(page("a", "content: One?") + page("b", "content: Two?")))
    assert any("a test of svbench has one question" in note for note in found.notes)


def test_a_language_that_pages_are_not_written_in(written: Write, page: Page) -> None:
    found = read_configuration(written(page(), "language: es\n"))
    assert found.language == "en"
    assert "language: svbench's pages are not written in 'es'; they are in English" in found.notes


PAIRED = """
    - type: paired_comparison
      id: pairs
      unforced: I hear no difference
      reference: sounds/ref.wav
      stimuli: {A: sounds/a.wav, B: sounds/b.wav}
"""


def test_one_type_of_several_is_taken(written: Write, page: Page) -> None:
    path = written(page() + PAIRED + "    - {type: bs1116, anything: else}\n")
    with pytest.raises(SpecError, match=r"pages\[2\].type: is 'bs1116': .* --only mushra or --only paired"):
        read_configuration(path)
    assert [p.id for p in read_configuration(path, "mushra").pages] == ["first"]
    found = read_configuration(path, "paired_comparison")
    assert [p.id for p in found.pages] == ["pairs"]
    assert "left out as pages of another type: pages[0] (mushra), pages[2] (bs1116)" in found.notes
    assert "pages: unforced: who hears no difference has to guess" in found.notes
    with pytest.raises(
        SpecError, match="pages: are of types mushra and paired_comparison, a test has one method"
    ):
        read_configuration(written(page() + PAIRED))
    with pytest.raises(SpecError, match="pages: there is none of type paired_comparison"):
        read_configuration(written(page()), "paired_comparison")


HEAD = "testname: A\ntestId: a\n"
MUSHRA = "pages:\n  - {type: mushra, id: x, reference: r.wav, stimuli: {A: a.wav}"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("testId: a\npages: []\n", "testname: missing; it must be given"),
        (HEAD + "testnam: b\n", "testnam: unknown key; did you mean 'testname'"),
        (HEAD + "pages: all\n", "pages: is 'all', expected a list"),
        (HEAD + "bufferSize: big\n", "bufferSize: is 'big', expected a number"),
        (HEAD + "stopOnErrors: on\n", "stopOnErrors: is 'on', expected true or false"),
        (HEAD + "language: [en]\n", "language: is a list, expected text"),
        (HEAD + "pages: []\n", "pages: there is nothing to hear; expected pages of type mushra or paired"),
        (HEAD + "pages: [[x]]\n", r"pages\[0\]\[0\]: is 'x', expected a page, or a list of pages whose first"),
        (HEAD + "pages: [[random, random]]\n", r"pages\[0\]\[1\]: is 'random', expected a page"),
        (HEAD + "pages: [{id: x}]\n", r"pages\[0\].type: missing"),
        (HEAD + "pages: [{type: mushr}]\n", r"pages\[0\].type: unknown type of page 'mushr'; did you mean 'mushra'"),
        (HEAD + "pages: [{type: likert_single_stimulus}]\n", r"pages\[0\].type: is 'likert_single_stimulus': scales of"),
        (HEAD + MUSHRA + ", createAnchor3: true}\n", r"pages\[0\].createAnchor3: unknown key; did you mean 'createAnchor35'"),
        (HEAD + MUSHRA + ", strict: nope}\n", r"pages\[0\].strict: is 'nope', expected true or false"),
        (HEAD + MUSHRA.replace("{A: a.wav}", "[a.wav]") + "}\n", r"stimuli: is a list, expected lines such as"),
        (HEAD + MUSHRA.replace("{A: a.wav}", "{A: }") + "}\n", r"stimuli.A: is empty, expected the path of a file"),
        (HEAD + MUSHRA.replace("A: a", "reference: a") + "}\n", r"stimuli.reference: is the name of what is added by"),
        (HEAD + MUSHRA.replace("A: a", "anchor70: a") + ", createAnchor70: true}\n", "stimuli.anchor70: is the name of"),
        (HEAD + MUSHRA.replace("id: x, ", "") + "}\n", r"pages\[0\].id: missing"),
        (HEAD + MUSHRA.replace("reference: r.wav, ", "") + "}\n", r"pages\[0\].reference: missing"),
        (HEAD + MUSHRA.replace(", stimuli: {A: a.wav}", "") + "}\n", r"pages\[0\].stimuli: missing"),
        (HEAD + MUSHRA + "}\n" + MUSHRA.partition("\n")[2] + "}\n", r"pages\[1\].id: 'x' is the id of pages\[0\] too"),
        (HEAD + MUSHRA + "}\n  - {type: finish, questionnaire: [{type: date, name: d}]}\n", "unknown type of question 'date'"),
        (HEAD + MUSHRA + "}\n  - {type: finish, questionnaire: [{type: text}]}\n", r"questionnaire\[0\].name: missing"),
        (HEAD + MUSHRA + "}\n  - {type: finish, questionnaire: [{type: likert, name: a}]}\n", r"\[0\].response: missing"),
        (HEAD + MUSHRA + "}\n  - {type: finish, questionnaire: [{type: text, name: a}, {type: text, name: A}]}\n",
         r"questionnaire\[1\].name: 'A' stands twice"),
        (HEAD + MUSHRA + "}\n  - {type: finish, questionnaire: [text]}\n", r"questionnaire\[0\]: is 'text', expected keys"),
        (HEAD + "pages:\n - &a [[], []]\n - &b [*a, *a, *a, *a, *a, *a]\n"
         " - &c [*b, *b, *b, *b, *b, *b]\n - [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]\n", "pages: holds more than 1000 pages and lists"),
    ],
)  # fmt: skip
def test_what_is_refused(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(SpecError, match=told):
        read_configuration(path)
