import { createHmac } from 'node:crypto';

/** The bytes of a Standard Webhooks secret: base64, with or without its `whsec_` prefix; null where it is neither or shorter than 16 bytes. */
export function readWebhookSecret(text: string): Buffer | null {
  const base64 = text.trim().replace(/^whsec_/, '');
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) return null;
  const bytes = Buffer.from(base64, 'base64');
  return bytes.length >= 16 ? bytes : null;
}

/** The `webhook-signature` of a message: version 1, HMAC-SHA256 over id, timestamp (seconds) and body. */
export function signWebhook({
  id,
  timestamp,
  body,
  secret,
}: {
  id: string;
  timestamp: number;
  body: string;
  secret: Buffer;
}): string {
  return `v1,${createHmac('sha256', secret).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
}
