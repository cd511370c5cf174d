// The rules for the pages' scripts: ESLint's recommended ones, and text that never becomes markup or code.
import js from "@eslint/js";
import globals from "globals";

const MARKUP = "/^(innerHTML|outerHTML|insertAdjacentHTML|setHTMLUnsafe|createContextualFragment)$/";

export default [
  { ignores: ["**/vendor/**", "**/node_modules/**", ".venv*/**", "build/**", "docs/**"] },
  js.configs.recommended,
  {
    languageOptions: { ecmaVersion: 2024, sourceType: "module" },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      eqeqeq: "error",
      "max-len": ["error", { code: 120, ignoreRegExpLiterals: true }],
      "no-control-regex": "off", // dom.js names control characters
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-new-func": "error",
      "no-script-url": "error",
      "no-var": "error",
      "prefer-const": "error",
      "no-restricted-properties": [
        "error",
        { object: "document", property: "write", message: "Make elements: dom.js." },
      ],
      "no-restricted-syntax": [
        "error",
        { selector: `MemberExpression[property.name=${MARKUP}]`, message: "Make elements with el() of shared/dom.js." },
        {
          selector: `MemberExpression[property.value=${MARKUP}]`,
          message: "Make elements with el() of shared/dom.js.",
        },
      ],
    },
  },
  { files: ["dashboard/**/*.js"], languageOptions: { globals: globals.browser } },
  { files: ["tests/**/*.mjs"], languageOptions: { globals: globals.node } },
];
