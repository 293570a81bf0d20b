"""What Textual's own widgets in the dialogs look like: only borders and the roles of our themes."""

from __future__ import annotations

from textual.theme import BUILTIN_THEMES
from textual.theme import Theme as TextualTheme

from tui_monitor.ui.theme import Theme

CSS = """
Screen { background: $background; color: $foreground; }
Board { width: 1fr; height: 1fr; }
ModalScreen { background: transparent; align: center middle; }
.dialog {
    width: 84; max-width: 100%; min-width: 20; height: auto; max-height: 90%; min-height: 5; padding: 1 2;
    border: round $primary; background: $background; color: $foreground;
    border-title-style: bold; scrollbar-size-vertical: 1;
}
.-ascii .dialog { border: ascii $primary; }
.wide { width: 110; }
.dialog Static { width: 1fr; height: auto; }
.quiet { color: $secondary; }
#filter { dock: bottom; width: 100%; height: 1; background: $background; }
#filter Input { width: 1fr; background: $background; border: none; }
#comment { margin: 1 0; }
#comment, #note, .field Input { background: $background; border: none; width: 1fr; }
#note { margin: 1 0; }
.dialog .field { height: 1; }
.field Label { width: 6; }
#wrong, #missing { color: $warning; }
#preview { margin: 1 0; }
.story { margin-bottom: 1; }
#end { margin-bottom: 1; }
#over { margin-bottom: 1; }
.dialog Horizontal { height: 1; }
Button, Button:focus, Button:hover { background: $background; color: $foreground; border: none; margin-right: 2; min-width: 0; width: auto; }
Button:focus { text-style: reverse bold; }
OptionList { background: $background; border: none; min-width: 12; height: auto; max-height: 20; }
OptionList > .option-list--option-highlighted, OptionList:focus > .option-list--option-highlighted {
    text-style: bold; background: $block-cursor-background; color: $block-cursor-foreground;
}
OptionList:ansi > .option-list--option-highlighted, OptionList:ansi:focus > .option-list--option-highlighted {
    text-style: bold underline; background: $block-cursor-background; color: $block-cursor-foreground;
}
CommandPalette, CommandPalette:dark { background: transparent; }
CommandPalette > Vertical, CommandPalette > Vertical:dark { background: $background; margin-top: 2; }
CommandPalette #--input, CommandPalette #--input.--list-visible { border: none; background: $background; }
CommandPalette SearchIcon { display: none; }
CommandPalette > Vertical, CommandPalette OptionList { min-width: 20; }
CommandPalette OptionList { max-height: 70vh; }
CommandPalette > .command-palette--help-text { color: $secondary; text-style: not bold; }
* { scrollbar-background: $background; scrollbar-background-hover: $background; scrollbar-background-active: $background; scrollbar-color: $secondary; scrollbar-color-hover: $secondary; scrollbar-color-active: $primary; scrollbar-size-vertical: 1; }
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
        variables=BUILTIN_THEMES["ansi-dark" if look.dark else "ansi-light"].variables
        if look.terminal_colours
        else {"block-cursor-background": colour("band"), "block-cursor-foreground": colour("strong")},
    )
