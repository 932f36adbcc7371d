"""What a message says, and what no message and no template can do."""

import time
from dataclasses import replace

import pytest

from alerts.streams import Stream, condition, route
from lvsmon.alerts.alert import Stage
from lvsmon.alerts.condition import Severity
from lvsmon.alerts.facts import VARIABLES, About, lasting, values_of
from lvsmon.alerts.render import MAX_SUBJECT, Renderer
from lvsmon.alerts.route import Limit
from lvsmon.alerts.templates import Template, TemplateRefused

HOSTILE = "hi\r\nBcc: all@example.org\n\x1b[31m\u202e<script>alert(1)</script>" + "x" * 1_000_000
DOWN = replace(
    condition("web/rs2"),
    summary="rs2 (10.0.0.2:80) of web is DOWN",
    seen="connection refused",
    reason="refused",
    done=("no new connections are sent there: ipvsadm -e -t 192.0.2.10:80 -r 10.0.0.2:80 -m -w 0",),
    left="2 of 3 destinations serve",
)


def alerts(stream, **about):
    renderer = Renderer(About(director="lb1"))
    return [renderer.alert(due, stream.now) for due in stream.due]


def test_the_default_text_says_what_a_person_needs():
    stream = Stream().see(DOWN).see()
    opened, resolved = alerts(stream)
    assert opened.subject == "[lvsmon lb1] rs2 (10.0.0.2:80) of web is DOWN"
    assert (
        opened.text
        == f"""\
rs2 (10.0.0.2:80) of web is DOWN

* rs2 (10.0.0.2:80) of web is DOWN
    since   2023-11-14 22:13:20 UTC (2s)
    seen    "connection refused" (refused)
    done    no new connections are sent there: ipvsadm -e -t 192.0.2.10:80 -r 10.0.0.2:80 -m -w 0
    left    2 of 3 destinations serve

Look closer:  lvsmon explain web/rs2
Take it on:   lvsmon alert ack {opened.incident}

-- lvsmon on lb1, route all, incident {opened.incident}
"""
    )
    assert resolved.subject == "[lvsmon lb1] resolved: rs2 (10.0.0.2:80) of web is DOWN"
    assert "now over" in resolved.text
    assert opened.incident == resolved.incident
    assert opened.id != resolved.id


def test_children_acknowledgements_and_what_is_over_are_told():
    child = condition("web/rs9", parent=DOWN.id)
    stream = Stream(route(every=1.0)).see(DOWN, child).see(condition("web/rs1"), DOWN, child)
    stream.acknowledge("rs2").see(condition("web/rs1"), DOWN).see(DOWN)
    texts = {alert.stage.value: alert.text for alert in alerts(stream)}
    over = [[one.subject.realserver for one in alert.over] for alert in alerts(stream) if alert.stage is Stage.CHANGED]
    assert over[-1] == ["rs1"]
    assert "This follows from it, and is told by itself to nobody:\n  web/rs9 is down" in texts["opened"]
    assert "anna has taken it on: on it" in texts["acknowledged"]
    assert "No longer so:\n  web/rs1 is down" in texts["changed"]


def test_what_was_held_back_is_summed_up():
    stream = Stream(route(limit=Limit(1, 5.0))).see(DOWN).see(DOWN, condition("mail/rs1"), seconds=9)
    summary = alerts(stream)[-1]
    assert summary.subject == "[lvsmon lb1] held back: 1 messages since 2023-11-14 22:13:21 UTC"
    assert "2023-11-14 22:13:21 UTC opened: mail/rs1 is down" in summary.text


def test_nothing_that_a_realserver_says_reaches_a_message_unescaped_or_unbounded():
    (alert,) = alerts(Stream(route(html="{{ conditions[0].seen }}")).see(replace(DOWN, summary=HOSTILE, seen=HOSTILE)))
    assert alert.subject.isprintable()
    assert len(alert.subject) <= MAX_SUBJECT
    assert len(alert.text) < 4000
    assert all(line.isprintable() for line in alert.text.splitlines())
    assert "\nBcc" not in alert.text
    assert "<script" not in alert.html
    assert "&lt;script" in alert.html


def test_a_thousand_conditions_are_one_readable_message():
    many = [condition(f"web/rs{number}") for number in range(1000)]
    (alert,) = alerts(Stream().see(*many))
    assert alert.subject == "[lvsmon lb1] web/rs0 is down (and 999 more)"
    assert "and 980 more" in alert.text
    assert len(alert.text) < 8000


def test_a_routes_own_templates_are_used():
    own = route(
        subject="{{ severity|upper }} {{ conditions[0].realserver }}",
        text="{% for one in conditions %}{{ one.summary }};{% endfor %}",
    )
    (alert,) = alerts(Stream(own).see(DOWN))
    assert (alert.subject, alert.text) == ("DOWN rs2", "rs2 (10.0.0.2:80) of web is DOWN;")


@pytest.mark.parametrize("bad", ["{{ conditions[7].summary.x }}", "{{ nothing.at.all }}", "{{ 1 - 'x' }}"])
def test_a_template_that_fails_gives_the_default_text_and_says_so(bad):
    (alert,) = alerts(Stream(route(text=bad, subject="{{ severity }}")).see(DOWN))
    assert alert.subject == "down"
    assert "connection refused" in alert.text
    assert "The templates of route all were left out: text: UndefinedError" in alert.text or "TypeError" in alert.text


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("{{ range(9) }}", "a call"),
        ("{{ ''.__class__.__mro__ }}{{ x() }}", "a call"),
        ("{% for a in conditions recursive %}{% endfor %}", "a recursive loop"),
        ("{% macro m() %}{% endmacro %}", "a macro"),
        ("{% include 'x' %}", "include"),
        ("{{ 'x' * 999 }}", "a product"),
        ("{{ '%999d' % 1 }}", "a remainder"),
        ("{{ 9 ** 9 }}", "a power"),
        ("{{ 'x'|center(999) }}", 'the filter "center"'),
        ("{{ 'x'|safe }}", 'the filter "safe"'),
        ("{% set x %}y{% endset %}", "a set with an end"),
        ("{% filter upper %}y{% endfilter %}", "a filter with an end"),
        ("{% autoescape false %}{{ x }}{% endautoescape %}", "autoescape"),
        ("{{ {'a': x} }}", "a dictionary"),
        ("{{ [x, x] }}", "a list of more than constants"),
        ("{{ [[1, 2]] }}", "a list of more than constants"),
        ("{% set x = x, x %}", "a list of more than constants"),
        ("{{ x|join(y) }}", "a short constant"),
        ("{{ x|join(d=y) }}", "a short constant"),
        ("{{ x|join(*y) }}", "a short constant"),
        ("{{ x|join('" + "y" * 101 + "') }}", "a short constant"),
        ("{{ self }}", "has self"),
        ("{{ unclosed", "line 1"),
        ("x" * 20_000, "write a shorter one"),
        ("{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}", "nested too deeply"),
    ],
)
def test_what_a_template_may_not_do_is_refused_before_it_is_used(source, says):
    with pytest.raises(TemplateRefused) as caught:
        Template(source)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    "source",
    [
        "{% for a in c %}" * 4 + "{% endfor %}" * 4,
        "{% set x = 'x' %}" + "{% set x = x ~ x %}" * 60 + "{{ x }}",
        "{% set x = 'x' %}" + "{% set x = x + x %}" * 60 + "{{ x }}",
        "{% set x = c %}" + "{% set x = x + x %}" * 60 + "{{ x }}",
        "{% set x = c %}" + "{% set x = x + x %}" * 60 + "{{ x|join(', ') }}",
        "{% set x = 'yz' %}"
        + "{% set x = x ~ x %}" * 14
        + "{% for a in c %}{% set y = x|list|sort|join %}{% endfor %}",
        "{% for a in c %}{% for b in c %}" + "{{ a == b }}" * 500 + "{% endfor %}{% endfor %}",
        "{% for a in c %}{% for b in c %}" + "y" * 1000 + "{% endfor %}{% endfor %}",
    ],
)
def test_no_template_takes_long_or_makes_much(source):
    template, began = Template(source), time.process_time()
    with pytest.raises(ValueError) as caught:
        template.render({"c": list(range(50))})
    assert any(word in str(caught.value) for word in ("turns", "characters", "items"))
    assert time.process_time() - began < 3.0


def test_what_templates_are_made_of_is_allowed():
    """A choice among constants, two names of one loop, joining by a comma, every condition a good many times."""
    source = (
        "{% if severity in ['down', 'brake'] or severity in ('floor', 'sorry') %}{{ tags|sort|join(', ') }}{% endif %}"
        "{% for one in conditions %}" + "{{ loop.index }}. {{ one.summary|upper|truncate(20) }}\n" * 10 + "{% endfor %}"
    )
    many = [{"summary": "x" * 500}] * 20
    made = Template(source).render({"severity": "down", "tags": ["b", "a"], "conditions": many})
    assert made.startswith("a, b1. XXX")
    assert len(made) > 4000


@pytest.mark.parametrize("source", ["{{ conditions.__class__ }}", "{{ config }}", "{{ request.x }}"])
def test_a_template_reaches_nothing_but_its_values(source):
    with pytest.raises(TemplateRefused):
        Template(source).render({"conditions": []})


def test_what_is_there_for_templates_is_known_by_name():
    (due,) = Stream().see(DOWN).due
    assert values_of(due.message, "all", None, About(director="lb1"), 0.0).keys() == VARIABLES


@pytest.mark.parametrize(("seconds", "said"), [(0, "0s"), (59.9, "59s"), (3601, "1h 1s"), (90061, "1d 1h"), (-5, "0s")])
def test_times_are_told_in_two_units(seconds, said):
    assert lasting(seconds) == said


def test_the_severity_of_an_alert_is_that_of_the_worst():
    (alert,) = alerts(Stream().see(DOWN, condition("web", Severity.FLOOR)))
    assert alert.severity is Severity.FLOOR
