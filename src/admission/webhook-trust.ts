/** The ValidatingWebhookConfiguration, as far as certificates go. */
export interface WebhookTrust {
  /** Undefined where it does not exist, or does not have our webhook. */
  read(signal: AbortSignal): Promise<StoredTrust | undefined>;
  /** False: somebody else wrote in between. */
  write(bundle: string, version: string, signal: AbortSignal): Promise<boolean>;
}

export interface StoredTrust {
  /** What API servers call the webhook by: the host of its address. */
  readonly host: string;
  /** `caBundle`, decoded; empty where there is none. */
  readonly bundle: string;
  readonly version: string;
}
