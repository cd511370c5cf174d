// Runs functions of the editor's modules for the tests: reads [[function, argument, …], …], writes their results.
// Elements become [tag, attributes, …children], so that what a function builds can be compared.

class Element {
  constructor(tag) {
    this.tagName = tag.toUpperCase();
    this.attributes = {};
    this.childNodes = [];
  }
  append(...children) {
    this.childNodes.push(...children);
  }
  setAttribute(name, value) {
    this.attributes[name] = value;
  }
  addEventListener() {}
  set className(value) {
    this.attributes.class = value;
  }
  toJSON() {
    return [this.tagName.toLowerCase(), this.attributes, ...this.childNodes];
  }
}
globalThis.document = { createElement: (tag) => new Element(tag), baseURI: "http://127.0.0.1/desk" };

const folder = process.argv[2];
const modules = await Promise.all(
  ["diff", "dom", "flags", "keys", "markdown", "pace"].map((name) => import(`${folder}/${name}.js`)),
);
const functions = Object.assign({}, ...modules);
let input = "";
for await (const piece of process.stdin) input += piece;
process.stdout.write(JSON.stringify(JSON.parse(input).map(([name, ...args]) => functions[name](...args))));
