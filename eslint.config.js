import tseslint from 'typescript-eslint';

/** Which room of `src/` may import what: a path pattern each room must not reach. `docs/adr/0001` says why. */
const rooms = {
  core: { may: ['core'], packages: ['yaml', 'ajv', 'node:crypto'] },
  gate: { may: ['core', 'gate'] },
  manager: { may: ['core', 'gate', 'manager'], notPackages: ['@kubernetes/client-node'] },
  runtime: { may: ['runtime'], notPackages: ['@kubernetes/client-node'] },
  kube: { may: ['core', 'runtime', 'kube'], types: ['operator'] },
  operator: { may: ['core', 'runtime', 'operator'], notPackages: ['@kubernetes/client-node'] },
  admission: { may: ['core', 'gate', 'runtime', 'admission'] },
};
const every = [...Object.keys(rooms), 'cli'];

const roomRules = Object.entries(rooms).map(([room, { may, types = [], packages, notPackages = [] }]) => {
  const closed = every.filter((other) => !may.includes(other));
  const patterns = closed.map((other) => ({
    regex: `^(\\.\\./)+${other}/`,
    message: `${room}/ may not import ${other}/ (docs/adr/0001-rooms.md).`,
    allowTypeImports: types.includes(other),
  }));
  if (packages) {
    patterns.push({
      regex: `^(?!\\.)(?!(?:${packages.map((p) => p.replace(/[/.]/g, '\\$&')).join('|')})(?:/|$))`,
      message: `${room}/ is pure: only ${packages.join(', ')}.`,
    });
  }
  for (const name of notPackages) patterns.push({ regex: `^${name}`, message: `${room}/ does not know ${name}.` });
  return {
    files: [`src/${room}/**/*.ts`],
    ignores: ['src/operator/run-operator.ts'],
    rules: { '@typescript-eslint/no-restricted-imports': ['error', { patterns }] },
  };
});

export default tseslint.config(
  { ignores: ['dist/**', 'coverage/**', 'node_modules/**', 'docs/**'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true, requireDefaultForNonUnion: false },
      ],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-confusing-void-expression': [
        'error',
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      '@typescript-eslint/no-unused-vars': [
        'error',
        { varsIgnorePattern: '^_', argsIgnorePattern: '^_', ignoreRestSiblings: true },
      ],
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: 'only-allowed-literals' },
      ],
      // `Promise.withResolvers<void>()` is a generic argument too.
      '@typescript-eslint/no-invalid-void-type': 'off',
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-restricted-syntax': [
        'error',
        {
          selector: "CallExpression[callee.object.name='process'][callee.property.name='exit']",
          message: 'Only src/main.ts ends the process.',
        },
        {
          selector: "MemberExpression[object.name='process'][property.name='env']",
          message: 'The environment is read in src/cli/settings.ts only.',
        },
      ],
    },
  },
  {
    files: ['src/main.ts', 'src/cli/settings.ts', 'test/**/*.ts', 'scripts/**/*.ts', 'examples/**/*.ts', '*.config.ts'],
    rules: { 'no-restricted-syntax': 'off' },
  },
  {
    files: ['test/**/*.ts', 'scripts/**/*.ts'],
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-explicit-any': 'off',
      // The models of client-node are classes that everybody writes as literals.
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      '@typescript-eslint/no-misused-spread': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/require-await': 'off',
    },
  },
  ...roomRules,
);
