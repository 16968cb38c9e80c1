// The service's rules for a new account, checked before a request. The service decides: a rule here is never stricter.

export const emailRule = {
  check: (text) => (/^[^@]+@[^@]+[.\u3002][^@]+$/.test(text.trim().normalize("NFKC")) ? null : "Enter a valid e-mail address."),
};

export const usernameRule = {
  hint: "3 to 40 letters, digits, dots, dashes or underscores.",
  check: (text) => (/^[A-Za-z0-9._-]{3,40}$/.test(text) ? null : "Use 3 to 40 letters, digits, dots, dashes or underscores."),
};

export const passwordRule = {
  hint: "At least 8 characters. Avoid common passwords, your name and your e-mail address.",
  check: (text) => ([...text.normalize("NFC")].length >= 8 ? null : "Use at least 8 characters."),
};
