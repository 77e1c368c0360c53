// Folding: one spelling for what visitors write with and without capitals and diacritics.
// The four Turkish i's (I, İ, ı, i) all become i. Lossy on purpose: for comparing, never for showing.

const LETTERS: Readonly<Record<string, string>> = {
  ß: "ss",
  æ: "ae",
  œ: "oe",
  ø: "o",
  ł: "l",
  đ: "d",
  ð: "d",
  þ: "th",
};

const APOSTROPHES = /[‘’ʼ`´]/g;

/** Lower case without diacritics; curly apostrophes become straight ones. */
export function fold(text: string): string {
  return text
    .replace(APOSTROPHES, "'") // Before: taken apart, "´" is a space.
    .normalize("NFKD")
    .replace(/\p{M}+/gu, "")
    .replace(APOSTROPHES, "'") // After: some only come out of another, of "ŉ" or a wide "｀".
    .toLowerCase()
    .replace(/ı/g, "i")
    .replace(/[ßæœøłđðþ]/g, (letter) => LETTERS[letter] ?? letter);
}
