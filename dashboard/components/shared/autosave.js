// When a text on its way is kept: in the browser after a moment's rest, with the service after a longer one or at the
// latest every few seconds, and both on the way out of the page.

const LOCAL_MS = 150;
const DRAFT_MS = 900;
const LONGEST_MS = 6_000;

export class Autosave {
  // `isInHands(task)`; `keep(task)` in the browser; `save(task, options)` with the service.
  constructor({ isInHands, keep, save }) {
    this.does = { isInHands, keep, save };
    this.unsavedSince = null;
  }

  edited(task) {
    clearTimeout(this.localTimer);
    this.localTimer = setTimeout(() => this.does.isInHands(task) && this.does.keep(task), LOCAL_MS);
    this.unsavedSince ??= Date.now();
    clearTimeout(this.draftTimer);
    const wait = Math.max(0, Math.min(DRAFT_MS, this.unsavedSince + LONGEST_MS - Date.now()));
    this.draftTimer = setTimeout(() => this.#save(task), wait);
  }

  // On the way out: at once in the browser, and as far as it goes to the service.
  flush(task) {
    clearTimeout(this.localTimer);
    clearTimeout(this.draftTimer);
    this.unsavedSince = null;
    if (!task || !task.isChanged) return;
    this.does.keep(task);
    this.does.save(task, { lasting: true });
  }

  // What couldn't be saved goes again.
  retry(task) {
    if (task.isChanged && this.unsavedSince === null) this.does.save(task);
  }

  #save(task) {
    this.unsavedSince = null;
    // Handed in meanwhile: what was sent carries the text.
    if (this.does.isInHands(task)) this.does.save(task);
  }
}
