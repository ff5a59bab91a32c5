"""`lrscope ramp`: what does each rule say of a finder's ramp?"""

from __future__ import annotations

import click

from lrscope.cli.answer import print_json, print_text


@click.command("ramp", context_settings={"max_content_width": 110})
@click.argument("log", nargs=-1, required=True, type=click.Path())
@click.option("--metric", metavar="NAME", help="Loss to read. Default: a loss by its name.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of text.")
@click.option("--debug", is_flag=True, help="On an error, show all that is known about it.")
def command(log: tuple[str, ...], metric: str | None, as_json: bool, debug: bool) -> None:  # noqa: ARG001
    """Read a learning rate off a ramp that was logged, by every known rule, with the spread of each.

    \b
      lrscope ramp lr_find.csv
      lrscope ramp ramp-0.csv ramp-1.csv ramp-2.csv

    LOG holds losses and a climbing learning rate, in any format that `lrscope diagnose` reads. Several logs are taken
    for repetitions with other seeds. To run a ramp: `lrscope scan FILE:FUNCTION --planner ramp`.
    """
    import lrscope

    result = lrscope.read_ramp(list(log) if len(log) > 1 else log[0], metric=metric)
    if as_json:
        print_json(result.to_dict())
    else:
        from lrscope.views.range_test.sections import reading_report

        readings = (result.readings, result.warnings)
        print_text(reading_report(result.source, result.metric, result.ramps, *readings))
