// Compares what each module exports, and the members of its classes, with its
// declarations, both ways. Usage: node declarations.mjs FOLDER NAME…
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import path from 'node:path';

const ts = createRequire(import.meta.url)('typescript');
const [folder, ...names] = process.argv.slice(2);

const exported = (node) => ts.getCombinedModifierFlags(node) & ts.ModifierFlags.Export;

/** What a declaration file promises at run time: name → members of a class, or null. */
function declared(program, file) {
  const found = new Map();
  for (const node of program.getSourceFile(file).statements) {
    if (!exported(node)) continue;
    if (ts.isFunctionDeclaration(node)) found.set(node.name.text, null);
    if (ts.isVariableStatement(node)) for (const d of node.declarationList.declarations) found.set(d.name.text, null);
    if (ts.isClassDeclaration(node)) {
      found.set(node.name.text, new Set(node.members.filter((m) => m.name).map((m) => m.name.text)));
    }
  }
  return found;
}

const inherited = new Set(['constructor', 'addEventListener', 'removeEventListener']);
const files = names.map((name) => path.join(folder, `${name}.d.ts`));
const program = ts.createProgram(files, {});
for (const [i, name] of names.entries()) {
  const module = await import(pathToFileURL(path.join(folder, `${name}.js`)));
  const promised = declared(program, files[i]);
  const complain = (text) => { console.log(`${name}: ${text}`); process.exitCode = 1; };
  for (const key of Object.keys(module)) if (!promised.has(key)) complain(`${key} is exported and not declared`);
  for (const [key, members] of promised) {
    if (!(key in module)) { complain(`${key} is declared and not exported`); continue; }
    if (!members) continue;
    const real = new Set(Object.getOwnPropertyNames(module[key].prototype).filter((m) => !inherited.has(m)));
    for (const m of real) if (!members.has(m)) complain(`${key}.${m} is not declared`);
    for (const m of members) if (!inherited.has(m) && !real.has(m)) complain(`${key}.${m} is declared and not there`);
  }
}
