// The service's rules for a new account, checked before a request. The service decides: a rule here is never stricter.

export const emailRule = {
  check: (text) => (/^[^@]+@[^@]+[.\u3002][^@]+$/.test(text.trim().normalize("NFKC")) ? null : t.email_invalid),
};

export const usernameRule = {
  hint: t.username_hint,
  check: (text) => (/^[A-Za-z0-9._-]{3,40}$/.test(text) ? null : t.username_invalid),
};

export const passwordRule = {
  hint: t.password_hint,
  check: (text) => ([...text.normalize("NFC")].length >= 8 ? null : t.password_short),
};
