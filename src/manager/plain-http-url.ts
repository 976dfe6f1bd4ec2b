/** @throws TypeError, which calls the URL `what`, where it is not http or https, or holds a user name or password */
export function plainHttpUrl(text: string, what: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !['http:', 'https:'].includes(url.protocol) || url.username || url.password) {
    throw new TypeError(`${what} must be http:// or https://, without a user name or password`);
  }
  return url;
}
