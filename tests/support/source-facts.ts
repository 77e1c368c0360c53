// What the house rules need to know of a source file, read from the compiler's own syntax tree.
// Promises: comments, strings and templates cannot be taken for code; nothing is executed and no import is resolved.
// Lines count from 1. The compiler's interface is marked unstable: TypeScript is pinned, and this file is its one door.

import {
  isCallExpression,
  isEnumDeclaration,
  isExportAssignment,
  isExportDeclaration,
  isIdentifier,
  isImportDeclaration,
  isImportEqualsDeclaration,
  isImportTypeNode,
  isNamedExports,
  isNonNullExpression,
  isPropertyAccessExpression,
  isStringLiteral,
  isVariableStatement,
  type Node,
  type SourceFile,
  SyntaxKind,
} from "typescript/unstable/ast";
import { createVirtualFileSystem } from "typescript/unstable/fs";
import { API } from "typescript/unstable/sync";

export interface ImportFact {
  readonly specifier: string;
  readonly line: number;
  /** Nothing of it is left at run time. */
  readonly typeOnly: boolean;
}

/** Something at a place, such as the name of an export or of a member of `process`. */
export interface NamedPlace {
  readonly name: string;
  readonly line: number;
}

export interface SourceFacts {
  readonly path: string;
  readonly text: string;
  readonly imports: readonly ImportFact[];
  /** `*` for everything of another module, `default` for a default export. Types on their own are not counted. */
  readonly exports: readonly NamedPlace[];
  /** `any`, `!`, `enum`, `console`, `process.<member>`. */
  readonly uses: readonly NamedPlace[];
  /** Functions with their length in lines. */
  readonly functions: readonly (NamedPlace & { readonly lines: number })[];
}

/** Reads sources given as text by path (relative, `app/core/errors.ts`). Throws if one does not parse. */
export function readSourceFacts(sources: Readonly<Record<string, string>>): SourceFacts[] {
  const at = (path: string) => `/house/${path}`;
  const paths = Object.keys(sources);
  const project = at("tsconfig.json");
  const files: Record<string, string> = {
    [project]: JSON.stringify({
      compilerOptions: { noLib: true, noResolve: true, types: [] },
      files: paths.map(at),
    }),
  };
  for (const [path, text] of Object.entries(sources)) files[at(path)] = text;
  const api = new API({ cwd: "/house", fs: createVirtualFileSystem(files) });
  try {
    const program = api.updateSnapshot({ openProjects: [project] }).getProject(project)?.program;
    return paths.map((path) => {
      const file = program?.getSourceFile(at(path));
      if (file === undefined) throw new Error(`${path} was not read`);
      const [fault] = program?.getSyntacticDiagnostics(at(path)) ?? [];
      if (fault !== undefined) throw new Error(`${path} does not parse: ${fault.text}`);
      return factsOf(path, file);
    });
  } finally {
    api.close();
  }
}

function factsOf(path: string, file: SourceFile): SourceFacts {
  const imports: ImportFact[] = [];
  const uses: NamedPlace[] = [];
  const functions: (NamedPlace & { lines: number })[] = [];
  const lineAt = (position: number) => file.getLineAndCharacterOfPosition(position).line + 1;
  const visit = (node: Node): void => {
    const line = lineAt(node.getStart(file));
    const imported = importOf(node);
    if (imported !== undefined) imports.push({ ...imported, line });
    const name = useOf(node);
    if (name !== undefined) uses.push({ name, line });
    if (FUNCTIONS.has(node.kind)) {
      functions.push({ name: functionName(node), line, lines: lineAt(node.getEnd()) - line + 1 });
    }
    node.forEachChild(visit);
  };
  visit(file);
  const exports = file.statements.flatMap((statement) =>
    exportedNames(statement).map((name) => ({ name, line: lineAt(statement.getStart(file)) })),
  );
  return { path, text: file.text, imports, exports, uses, functions };
}

const FUNCTIONS: ReadonlySet<SyntaxKind> = new Set([
  SyntaxKind.FunctionDeclaration,
  SyntaxKind.FunctionExpression,
  SyntaxKind.ArrowFunction,
  SyntaxKind.MethodDeclaration,
  SyntaxKind.Constructor,
  SyntaxKind.GetAccessor,
  SyntaxKind.SetAccessor,
]);

function functionName(node: Node): string {
  const name = "name" in node ? node.name : undefined;
  return isNode(name) && isIdentifier(name) ? name.text : "a function";
}

function importOf(node: Node): Omit<ImportFact, "line"> | undefined {
  if (isImportDeclaration(node) || isExportDeclaration(node)) {
    const { moduleSpecifier } = node;
    if (moduleSpecifier === undefined || !isStringLiteral(moduleSpecifier)) return undefined;
    return { specifier: moduleSpecifier.text, typeOnly: isTypeOnly(node.getText()) };
  }
  if (isImportTypeNode(node)) return { specifier: unquoted(node.argument.getText()), typeOnly: true };
  if (isImportEqualsDeclaration(node))
    return { specifier: unquoted(node.moduleReference.getText()), typeOnly: false };
  if (!isCallExpression(node)) return undefined;
  const [argument] = node.arguments;
  const isLoad = node.expression.kind === SyntaxKind.ImportKeyword || node.expression.getText() === "require";
  return isLoad && argument ? { specifier: unquoted(argument.getText()), typeOnly: false } : undefined;
}

/** `import type …`, or braces in which every name is marked `type`. */
function isTypeOnly(declaration: string): boolean {
  if (/^(?:import|export)\s+type\b/.test(declaration)) return true;
  const names = /^(?:import|export)\s*\{([^}]*)\}/.exec(declaration)?.[1]?.split(",") ?? [];
  const given = names.map((name) => name.trim()).filter((name) => name !== "");
  return given.length > 0 && given.every((name) => name.startsWith("type "));
}

function unquoted(text: string): string {
  return text.replace(/^["'`]|["'`]$/g, "");
}

function useOf(node: Node): string | undefined {
  if (node.kind === SyntaxKind.AnyKeyword) return "any";
  if (isNonNullExpression(node)) return "!";
  if (isEnumDeclaration(node)) return "enum";
  if (isPropertyAccessExpression(node) && isIdentifier(node.expression)) {
    if (node.expression.text === "process") return `process.${node.name.text}`;
    if (node.expression.text === "console") return "console";
  }
  return undefined;
}

/** Names that a top-level statement exports. */
function exportedNames(statement: Node): string[] {
  if (isExportAssignment(statement)) return ["default"];
  if (isExportDeclaration(statement)) {
    const { exportClause } = statement;
    if (exportClause === undefined || !isNamedExports(exportClause)) return ["*"];
    return exportClause.elements.map(({ name }) => name.text);
  }
  if (
    statement.kind === SyntaxKind.InterfaceDeclaration ||
    statement.kind === SyntaxKind.TypeAliasDeclaration
  )
    return [];
  const modifiers = modifiersOf(statement);
  if (!modifiers.includes(SyntaxKind.ExportKeyword)) return [];
  if (modifiers.includes(SyntaxKind.DefaultKeyword)) return ["default"];
  if (isVariableStatement(statement)) {
    return statement.declarationList.declarations.map(({ name }) => name.getText());
  }
  const name = "name" in statement ? statement.name : undefined;
  return [isNode(name) ? name.getText() : "an export"];
}

function modifiersOf(node: Node): SyntaxKind[] {
  const modifiers = "modifiers" in node ? node.modifiers : undefined;
  return Array.isArray(modifiers) ? modifiers.filter(isNode).map(({ kind }) => kind) : [];
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "kind" in value && "getText" in value;
}
