import { permissions, type Feature } from '../src/kube/permissions.ts';

/** When each feature is on, in the words of the chart. */
const WHEN: Readonly<Record<Feature, string>> = {
  core: 'always',
  signal: '`strategies` has `signal`',
  'token-secret': '`features.tokenSecret`',
  restart: '`features.restart`',
  publish: '`features.publish`',
  'leader-election': '`leaderElection.enabled`',
  admission: '`admission.enabled` with `admission.certificates: self`',
};

/** Every permission with its reason, as a Markdown table. */
export function permissionsTable(): string {
  const rows = Object.entries(permissions).flatMap(([feature, rules]) =>
    rules.map(({ apiGroup, resource, verbs, resourceNames, why }) => {
      const what = apiGroup === '' ? resource : `${resource}.${apiGroup}`;
      const which = resourceNames ? ', its own alone' : '';
      return `| ${feature} | ${WHEN[feature as Feature]} | \`${what}\`${which} | ${verbs.join(', ')} | ${why} |`;
    }),
  );
  return ['| feature | on when | resource | verbs | why |', '|---|---|---|---|---|', ...rows].join('\n');
}

/** A text with what is between `<!-- name -->` and `<!-- /name -->` replaced; throws where it has no such place. */
export function replaceSection(text: string, name: string, content: string): string {
  const place = new RegExp(`(<!-- ${name} -->\\n)[^]*?(<!-- /${name} -->)`);
  if (!place.test(text)) throw new Error(`no <!-- ${name} --> … <!-- /${name} --> to write into`);
  return text.replace(place, (_all, open: string, close: string) => `${open}\n${content}\n\n${close}`);
}
