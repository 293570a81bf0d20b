"""What Textual's own widgets in the dialogs look like: only borders and the roles of our themes."""

from __future__ import annotations

from textual.theme import Theme as TextualTheme

from tui_monitor.ui.theme import Theme

CSS = """
Screen { background: $background; color: $foreground; }
Board { width: 1fr; height: 1fr; }
ModalScreen { background: transparent; align: center middle; }
.dialog {
    width: 84; max-width: 100%; height: auto; max-height: 90%; padding: 1 2;
    border: round $primary; background: $background; color: $foreground;
    border-title-style: bold; scrollbar-size-vertical: 1;
}
.dialog Static { width: 1fr; height: auto; }
.quiet { color: $secondary; }
#filter { dock: bottom; width: 100%; height: 1; background: $background; }
#comment { margin: 1 0; }
#comment, #end { background: $background; border: none; width: 1fr; }
#end { layout: horizontal; height: auto; margin-bottom: 1; }
#end RadioButton { margin-right: 2; width: auto; background: $background; }
#over { background: $background; border: none; }
.dialog Horizontal { height: 1; }
Button, Button:focus, Button:hover { background: $background; color: $foreground; border: none; margin-right: 2; min-width: 0; width: auto; }
Button:focus, RadioButton:focus, Checkbox:focus { text-style: reverse bold; }
RadioSet:focus .toggle--label { text-style: bold; }
RadioSet > RadioButton.-selected > .toggle--label { text-style: reverse; }
OptionList { background: $background; border: none; height: auto; max-height: 20; }
OptionList > .option-list--option-highlighted, OptionList:focus > .option-list--option-highlighted { text-style: reverse; background: $background; color: $foreground; }
CommandPalette > Vertical { background: $background; }
"""


def textual_theme(look: Theme) -> TextualTheme:
    """Our roles in Textual's words."""

    def colour(role: str) -> str:
        name = look.colours.get(role, "default")
        return name if name.startswith("#") else f"ansi_{name}"

    return TextualTheme(
        name=f"tui-monitor-{look.name}",
        primary=colour("key"),
        secondary=colour("dim"),
        warning=colour("warn"),
        error=colour("crit"),
        success=colour("ok"),
        accent=colour("key"),
        foreground=colour("text"),
        background=colour("background"),
        surface=colour("background"),
        panel=colour("background"),
        dark=look.dark,
        ansi=look.terminal_colours,
    )
