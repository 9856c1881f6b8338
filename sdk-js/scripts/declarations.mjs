// The package's types: one file an entry, with what its public types are made of and nothing else.
import { basename, join, sep } from "node:path";
import ts from "typescript";

/** Name of a file of dist to its text. The first entry's types may be used by the others. */
export function declarations(root, entries) {
  const src = join(root, "src") + sep;
  const paths = entries.map((entry) => join(root, entry));
  const emitted = new Map();
  const program = ts.createProgram([...paths, join(src, "env.d.ts")], {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    lib: ["lib.es2022.d.ts", "lib.dom.d.ts", "lib.dom.iterable.d.ts"],
    strict: true,
    skipLibCheck: true,
    declaration: true,
    emitDeclarationOnly: true,
    types: [],
  });
  for (const path of paths) {
    program.emit(program.getSourceFile(path), (_, text) => emitted.set(path, text));
  }
  const made = new Map();
  for (const path of paths) {
    const name = `${basename(path, ".ts")}.d.ts`;
    made.set(
      name,
      path === paths[0] ? flat(program, src, path, emitted.get(path)) : beside(emitted.get(path)),
    );
  }
  return made;
}

function flat(program, src, path, text) {
  const checker = program.getTypeChecker();
  const file = program.getSourceFile(path);
  const parts = new Map();
  const meant = (symbol) => (symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol);
  const exported = new Set(checker.getExportsOfModule(checker.getSymbolAtLocation(file)).map(meant));
  const take = (symbol) => {
    const real = meant(symbol);
    const found = real.declarations?.[0];
    if (!found?.getSourceFile().fileName.startsWith(src) || parts.get(real)) return;
    if (!ts.isInterfaceDeclaration(found) && !ts.isTypeAliasDeclaration(found)) return;
    const bare = found
      .getFullText()
      .trim()
      .replace(/^\/\/.*\n/gm, "")
      .replace(/^(\/\*\*[\s\S]*?\*\/\s*)?(export )?(declare )?/, "$1");
    const at = bare.search(/(interface|type) /);
    parts.set(real, `${bare.slice(0, at)}${exported.has(real) ? "export " : "declare "}${bare.slice(at)}`);
    const walk = (node) => {
      if (ts.isIdentifier(node)) {
        const used = checker.getSymbolAtLocation(node);
        if (used) take(used);
      }
      ts.forEachChild(node, walk);
    };
    walk(found);
  };
  for (const symbol of exported) take(symbol);
  const values = text.replace(/^(?:import|export type) .*\n/gm, "");
  // Without the last line all of them would count as exported.
  return `${[...parts.values()].join("\n")}\n${values}export {};\n`;
}

function beside(text) {
  return text.replace(/(from )"(\.[^"]*)"/g, '$1"$2.js"');
}
