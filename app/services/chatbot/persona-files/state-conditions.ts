// `when:` of a file as the conditions that a gate checks.

import { toBareRecord } from "#app/core/frozen-value.ts";
import type { KnowledgeFile } from "#app/models/knowledge-file.ts";
import type { KnowledgeGate, StateCondition } from "#app/models/persona.ts";

const OPERATORS = ["eq", "ne", "gt", "gte", "lt", "lte"] as const;

type Comparison = { [operator in (typeof OPERATORS)[number]]?: string | number | boolean };

/** Known operators only, without a prototype: the variables' names come from a file. */
export function toStateConditions(when: KnowledgeFile["when"]): KnowledgeGate["when"] {
  const conditions = Object.entries(when ?? {}).map(([variable, written]): [string, StateCondition] => {
    if (typeof written !== "object") return [variable, written];
    const comparison: Comparison = {};
    for (const operator of OPERATORS) {
      const value = written[operator];
      if (value !== undefined) comparison[operator] = value;
    }
    return [variable, comparison];
  });
  return toBareRecord(conditions);
}
