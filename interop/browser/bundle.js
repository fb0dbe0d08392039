// Puts a CommonJS module and all that it requires into one script for a browser.
import { readFileSync } from "node:fs";
import { createRequire, isBuiltin } from "node:module";

export function bundle(name, global) {
  const ids = new Map();
  const parts = [];
  const add = (path) => {
    if (ids.has(path)) return ids.get(path);
    const id = ids.size;
    ids.set(path, id);
    const resolve = createRequire(path).resolve;
    const source = readFileSync(path, "utf8");
    const required = {};
    for (const [, wanted] of source.matchAll(/\brequire\(["']([^"']+)["']\)/g)) {
      if (!isBuiltin(wanted)) required[wanted] = add(resolve(wanted));
    }
    parts[id] = `[function (module, exports, require) {\n${source}\n}, ${JSON.stringify(required)}]`;
    return id;
  };
  add(createRequire(import.meta.url).resolve(name));
  return `(() => {
const modules = [${parts.join(",\n")}];
const loaded = new Map();
function load(id) {
  if (!loaded.has(id)) {
    const module = { exports: {} };
    loaded.set(id, module);
    const [body, required] = modules[id];
    body(module, module.exports, (name) => load(required[name]));
  }
  return loaded.get(id).exports;
}
globalThis[${JSON.stringify(global)}] = load(0);
})();
`;
}
