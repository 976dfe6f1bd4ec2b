import { type Annotations, describeProblem, findUnknown, readPolicy } from '../core/annotations.ts';
import { ANNOTATION_PREFIX } from '../core/names.ts';
import { printable } from '../core/printable.ts';
import type { Violation } from '../core/validation.ts';

type Place = Pick<Violation, 'line' | 'column'>;

export interface AnnotationFindings {
  readonly violations: readonly Violation[];
  readonly warnings: readonly Violation[];
}

/**
 * What the admission webhook says of a ConfigMap's annotations, in its words; nothing of one that has not opted in.
 *
 * @param place where the annotation of this name (with the prefix) stands
 */
export function judgeAnnotations(annotations: Annotations, place: (name: string) => Place): AnnotationFindings {
  const reading = readPolicy(annotations);
  const find = (rule: string, annotation: string, message: string): Violation => {
    const name = ANNOTATION_PREFIX + annotation;
    return { path: `metadata.annotations[${printable(name, 128)}]`, rule, message, ...place(name) };
  };
  const problems = reading.kind === 'malformed' ? reading.problems : [];
  const unknown = reading.kind === 'optedIn' ? findUnknown(annotations) : [];
  return {
    violations: problems.map((one) => find('invalid-annotation', one.annotation, describeProblem(one))),
    warnings: unknown.map(({ annotation, message }) => find('unknown-annotation', annotation, message)),
  };
}
