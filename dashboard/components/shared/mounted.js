// What Streamlit calls for a component of ours: it calls again after every rerun of its script.

// `make(host, data)` gives an object with `stop()` and `showTheme()`; one for as long as the component stands.
export function mounted(make) {
  const known = new WeakMap(); // by root
  return ({ parentElement, data }) => {
    const before = known.get(parentElement);
    if (before) {
      before.showTheme();
      return before.stop;
    }
    const made = make(parentElement.querySelector(".desk"), data);
    const stop = () => {
      known.delete(parentElement);
      made.stop();
    };
    known.set(parentElement, { stop, showTheme: () => made.showTheme() });
    return stop;
  };
}
