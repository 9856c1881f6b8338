// Which property names of our own the build may shorten: members of our classes and of the borders between our files,
// where no other thing that is read or written anywhere (wire, storage, options, the DOM, dependencies) bears the same name.
import { readFileSync } from "node:fs";
import { join, sep } from "node:path";
import ts from "typescript";

/** Types of what no page has. */
const SERVERS = /\/node_modules\/(@types\/node|undici-types)\//;
const WORD = /[A-Za-z_$][\w$]*/g;
const LETTERS = [..."abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_$"];

/**
 * Long name to short name. The same for all files of a build, so that the core and what it loads later agree.
 * `dependencies`: files of other packages that are part of the build.
 */
export function shortNames(root, dependencies) {
  const { members, kept: keptBySources } = surveyed(root);
  const kept = new Set(keptBySources);
  for (const file of dependencies)
    for (const [word] of readFileSync(file, "utf8").matchAll(WORD)) kept.add(word);
  const mine = [...members.keys()].filter((name) => !kept.has(name) && name.length > 2);
  // The most used ones first; by the alphabet among equals, so that a build is the same everywhere.
  mine.sort((a, b) => members.get(b) - members.get(a) || (a < b ? -1 : 1));
  const free = candidates((name) => !kept.has(name) && !members.has(name));
  return new Map(mine.map((name) => [name, free.next().value]));
}

function* candidates(isFree) {
  for (const a of LETTERS) if (isFree(a)) yield a;
  for (const a of LETTERS) for (const b of LETTERS) if (isFree(a + b)) yield a + b;
}

const surveys = new Map();

function surveyed(root) {
  if (!surveys.has(root)) surveys.set(root, survey(root));
  return surveys.get(root);
}

/** `members`: names of class members and how often they are used; `kept`: names that something else bears. */
function survey(root) {
  const src = join(root, "src") + sep;
  const program = compile(root, src);
  const checker = program.getTypeChecker();
  const members = new Map();
  const kept = new Set();

  const inOwnClass = (symbol) =>
    !!symbol?.declarations?.length &&
    symbol.declarations.every(
      (at) => at.getSourceFile().fileName.startsWith(src) && (isClassMember(at) || isBorderMember(at)),
    );
  const use = (name, symbol) => {
    if (inOwnClass(symbol)) members.set(name, (members.get(name) ?? 0) + 1);
    else kept.add(name);
  };

  const own = (node) => {
    if (ts.isStringLiteralLike(node)) kept.add(node.text);
    else if (ts.isPropertyAccessExpression(node)) use(node.name.text, checker.getSymbolAtLocation(node.name));
    else if (ts.isBindingElement(node) && ts.isObjectBindingPattern(node.parent)) {
      const name = node.propertyName ?? node.name;
      if (ts.isIdentifier(name))
        use(name.text, checker.getTypeAtLocation(node.parent).getProperty(name.text));
    } else if (ts.isFunctionDeclaration(node) && node.name) {
      // What a file exports is found by its name.
      kept.add(node.name.text);
    } else if (ts.isObjectLiteralElementLike(node)) {
      if (node.name && ts.isIdentifier(node.name)) {
        const name = node.name.text;
        const meant = checker.getContextualType(node.parent)?.getProperty(name);
        use(name, meant ?? checker.getSymbolAtLocation(node.name));
      }
    } else if (isMember(node)) {
      if (node.name && ts.isIdentifier(node.name))
        use(node.name.text, checker.getSymbolAtLocation(node.name));
    }
    ts.forEachChild(node, own);
  };
  const foreign = (node) => {
    if ((isMember(node) || ts.isVariableDeclaration(node)) && node.name) kept.add(node.name.text);
    ts.forEachChild(node, foreign);
  };
  for (const file of program.getSourceFiles()) {
    if (file.fileName.startsWith(src)) own(file);
    else if (!SERVERS.test(file.fileName)) foreign(file);
  }
  return { members, kept };
}

function compile(root, src) {
  const path = join(root, "tsconfig.json");
  const config = ts.getParsedCommandLineOfConfigFile(
    path,
    {},
    {
      ...ts.sys,
      onUnRecoverableConfigFileDiagnostic(fault) {
        throw new Error(`${path}: ${ts.flattenDiagnosticMessageText(fault.messageText, "\n")}`);
      },
    },
  );
  const files = config.fileNames.filter((file) => file.startsWith(src));
  return ts.createProgram(files, config.options);
}

function isMember(node) {
  return (
    ts.isClassElement(node) ||
    ts.isTypeElement(node) ||
    ts.isObjectLiteralElementLike(node) ||
    (ts.isParameter(node) && ts.isParameterPropertyDeclaration(node, node.parent))
  );
}

/** Of an interface between our own files: never written down, never sent. */
function isBorderMember(node) {
  return ts.isInterfaceDeclaration(node.parent) && node.getSourceFile().fileName.endsWith("/border.ts");
}

function isClassMember(node) {
  return (
    (ts.isClassElement(node) && ts.isClassLike(node.parent)) ||
    (ts.isParameter(node) && ts.isParameterPropertyDeclaration(node, node.parent))
  );
}
