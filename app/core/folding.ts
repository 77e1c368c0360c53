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

/** Lower case without diacritics; curly apostrophes become straight ones. */
export function fold(text: string): string {
  return text
    .replace(/[‘’ʼ`´]/g, "'")
    .normalize("NFKD")
    .replace(/\p{M}+/gu, "")
    .toLowerCase()
    .replace(/ı/g, "i")
    .replace(/[ßæœøłđðþ]/g, (letter) => LETTERS[letter] ?? letter);
}
