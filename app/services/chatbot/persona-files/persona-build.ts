// From a definition to the finished persona: find what it extends, resolve, check. What has an error is left out.

import type { Persona } from "#app/models/persona.ts";
import { didYouMean } from "./did-you-mean.ts";
import { checkDefinition, checkPersona } from "./persona-checks.ts";
import type { PersonaDefinition } from "./persona-definition.ts";
import { resolvePersona } from "./persona-resolve.ts";

export interface PersonaLoadOptions {
  /** Model names that a file may ask for; the operator's list. */
  readonly allowedModels: readonly string[];
}

/** What may be extended. */
export interface PersonaBases {
  /** Whole personas that extend nothing themselves: inheritance has one level. */
  readonly usable: ReadonlyMap<string, Persona>;
  /** Personas that exist but extend another one. */
  readonly extending: ReadonlySet<string>;
}

/** Undefined when the file has an error; its problems are in `definition.problems`. */
export function buildPersona(
  definition: PersonaDefinition,
  bases: PersonaBases,
  options: PersonaLoadOptions,
): Persona | undefined {
  checkDefinition(definition, options.allowedModels);
  const base = definition.base === false ? undefined : bases.usable.get(definition.base);
  if (definition.base !== false && base === undefined) {
    reportMissingBase(definition, definition.base, bases);
    return undefined;
  }
  const persona = resolvePersona(definition, base);
  checkPersona(definition, persona);
  return definition.problems.hasErrors ? undefined : persona;
}

function reportMissingBase(
  { positionOf, problems }: PersonaDefinition,
  base: string,
  { usable, extending }: PersonaBases,
): void {
  const message = extending.has(base)
    ? `The persona "${base}" extends another one itself; only one level is possible.`
    : `There is no usable persona "${base}" to extend${didYouMean(base, [...usable.keys()])}`;
  problems.error("extends-missing", positionOf(["extends"]), message);
}
