"""The desk in a browser, as a person uses it: by keyboard."""

from playwright.sync_api import Locator, Page, expect


class DeskPage:
    """A tab. `errors` are uncaught errors of its scripts."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.set_default_timeout(60_000)
        page.goto(url)

    def sign_in(self, token: str) -> None:
        self.page.get_by_label("Your token").fill(token)
        self.press("Enter")

    def area(self, field: str) -> Locator:
        return self.page.locator(f"textarea[data-field={field}]")

    def text(self, field: str = "instruction") -> str:
        return self.area(field).input_value()

    def await_item(self, instruction: str | None = None) -> str:
        """The instruction that is shown, once an item is there (and is the one given)."""
        expect(self.area("response")).to_be_visible()
        if instruction is not None:
            expect(self.area("instruction")).to_have_value(instruction)
        return self.text()

    def press(self, keys: str) -> None:
        self.page.keyboard.press(keys)

    def type(self, text: str) -> None:
        self.page.keyboard.type(text)

    def edit_response(self, addition: str) -> None:
        self.press("Alt+Digit3")
        self.press("Control+End")
        self.type(addition)

    def await_saved(self) -> None:
        self.await_words(".state", "draft saved")

    def await_words(self, selector: str, words: str) -> None:
        expect(self.page.locator(selector).first).to_contain_text(words)

    def seen(self) -> str:
        """What the tab shows, in words."""
        return "" if self.page.is_closed() else self.page.locator("body").aria_snapshot()[:4000]

    def submit_and_await_next(self) -> str:
        """Accepts by keyboard; gives the instruction of the item that follows."""
        before = self.text()
        self.press("Control+Enter")
        expect(self.area("instruction")).not_to_have_value(before)
        return self.text()
