import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { cacheFolder } from './cache-folder.ts';
import { fetchNpmPackage } from './npm-package.ts';
import { run } from './run.ts';

/** The package of the CycloneDX project that carries its schemas. No dependency: fetched once, where an SBOM is checked. */
const carrier = {
  name: '@cyclonedx/cyclonedx-library',
  version: '10.3.0',
  integrity: 'sha512-RIT28sp1U0PCHaaeF3yNRwk6Jig/XJ8UsYAVOMYaHQ+0VVOvsjcp0PTWQFLUqJFF8XMud+Kdq6G+wtDAh+QJFA==',
} as const;

/** How many components a CycloneDX 1.5 SBOM names. @throws where it is not valid by the project's JSON schema, or names none */
export async function validateSbom(text: string): Promise<number> {
  const folder = await findSchemas();
  const read = async (name: string) =>
    JSON.parse(await readFile(join(folder, `${name}.SNAPSHOT.schema.json`), 'utf8')) as object;
  // Formats are of no concern, and the schema is not written for ajv's strict mode.
  const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });
  // They are referred to by the names of their files, beside the schema's own address.
  for (const name of ['spdx', 'jsf-0.82']) {
    const $id = `http://cyclonedx.org/schema/${name}.SNAPSHOT.schema.json`;
    ajv.addSchema({ ...(await read(name)), $id });
  }
  const validate = ajv.compile<{ components: unknown[] }>(await read('bom-1.5'));
  const sbom: unknown = JSON.parse(text);
  if (!validate(sbom)) throw new Error(ajv.errorsText(validate.errors?.slice(0, 5)));
  if (sbom.components.length === 0) throw new Error('it names no component');
  return sbom.components.length;
}

async function findSchemas(): Promise<string> {
  const kept = cacheFolder(`cyclonedx-${carrier.version}`);
  if (existsSync(kept)) return kept;
  await mkdir(cacheFolder('.'), { recursive: true });
  const work = await mkdtemp(`${kept}-`);
  try {
    await run('tar', ['-C', work, '-xzf', await fetchNpmPackage(carrier, work), 'package/res/schema']);
    // Two at once bring the same.
    await rename(join(work, 'package', 'res', 'schema'), kept).catch(() => undefined);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return kept;
}
