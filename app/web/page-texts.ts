// Every word of the page itself, in English and Turkish. What personas say comes from the server.

const ENGLISH = {
  title: "In conversation with Ada Lovelace",
  partners: "Speak with",
  people: "People",
  objects: "Objects",
  conversation: "Conversation",
  composer: "Your message",
  writeTo: "Write to {name}…",
  send: "Send",
  stop: "Stop",
  startAnew: "New conversation",
  language: "Language",
  suggestions: "You might ask",
  you: "You",
  writing: "{name} is writing",
  sentAs: "Enter sends · Shift+Enter new line · Esc stops",
  nowSpeaking: "{name} takes over the conversation",
  endedAbove: "The server has let go of the conversation. A new one begins here.",
  waiting: "Waiting its turn",
  unsent: "Not sent yet",
  stopped: "Stopped here",
  stoppedBefore: "Stopped before an answer",
  interrupted: "Broken off here",
  refused: "Not sent",
  offline: "Answering from notes; no model is connected",
  scripted: "A prepared line, in their own words",
  "fallback-model": "Answered by the substitute model",
  length: "The reply reached its greatest length",
  content_filter: "The model's own filter ended the reply",
  connecting: "Connecting…",
  online: "Connected",
  reconnectingNow: "Reconnecting…",
  reconnecting: "Connection lost. Reconnecting in {seconds} s…",
  paused: "Resting after a long silence. Write, and the conversation goes on.",
  stoppedLink: "The server has closed this conversation's connection: {reason}",
  memory: "Kept only while this server runs",
  catalogueFailed: "The list could not be fetched. Trying again…",
  tooLong: "{count} characters too many",
} as const;

export type TextKey = keyof typeof ENGLISH;
export type Locale = "en" | "tr";

const TURKISH: Readonly<Record<TextKey, string>> = {
  title: "Ada Lovelace ile söyleşi",
  partners: "Muhatabınız",
  people: "Kişiler",
  objects: "Nesneler",
  conversation: "Söyleşi",
  composer: "Mesajınız",
  writeTo: "{name} için yazın…",
  send: "Gönder",
  stop: "Durdur",
  startAnew: "Yeni söyleşi",
  language: "Dil",
  suggestions: "Sorabilecekleriniz",
  you: "Siz",
  writing: "{name} yazıyor",
  sentAs: "Enter gönderir · Shift+Enter yeni satır · Esc durdurur",
  nowSpeaking: "Söz artık onda: {name}",
  endedAbove: "Sunucu önceki söyleşiyi artık bilmiyor. Buradan yenisi başlıyor.",
  waiting: "Sırasını bekliyor",
  unsent: "Henüz gönderilmedi",
  stopped: "Burada durduruldu",
  stoppedBefore: "Yanıtlanmadan durduruldu",
  interrupted: "Burada kesildi",
  refused: "Gönderilmedi",
  offline: "Notlardan yanıtlıyor; bağlı bir model yok",
  scripted: "Önceden hazırlanmış, kendi sözleri",
  "fallback-model": "Yedek model yanıtladı",
  length: "Yanıt en uzun hâline ulaştı",
  content_filter: "Yanıtı modelin kendi süzgeci kesti",
  connecting: "Bağlanılıyor…",
  online: "Bağlı",
  reconnectingNow: "Yeniden bağlanılıyor…",
  reconnecting: "Bağlantı koptu. {seconds} sn sonra yeniden denenecek…",
  paused: "Uzun bir sessizlikten sonra dinleniyor. Yazdığınızda söyleşi sürer.",
  stoppedLink: "Sunucu bu söyleşinin bağlantısını kapattı: {reason}",
  memory: "Yalnızca bu sunucu çalıştıkça saklanır",
  catalogueFailed: "Liste alınamadı. Yeniden deneniyor…",
  tooLong: "{count} karakter fazla",
};

/** The server's own wording is English; other languages have theirs here, by code. */
const TURKISH_PROBLEMS: Readonly<Record<string, string>> = {
  message_too_long: "Mesaj çok uzun.",
  queue_full: "Sırada bekleyen çok mesaj var; yer açılınca gönderilecek.",
  rate_limited: "Biraz hızlı oldu; birazdan gönderilecek.",
  quota_exceeded: "Şimdilik kullanım hakkı doldu.",
  banned: "Bu adres bir süreliğine engellendi.",
  persona_not_found: "Böyle biri burada yok.",
  conversation_not_found: "Böyle bir söyleşi yok.",
  llm_unavailable: "Dil modeline ulaşılamıyor.",
  llm_timeout: "Dil modelinin yanıtı çok uzun sürdü.",
  llm_rejected: "Dil modeli bunu yanıtlamayı reddetti.",
  llm_context_too_long: "Söyleşi dil modeli için fazla uzadı.",
  run_interrupted: "Yanıt yarıda kesildi.",
  tool_failed: "Yanıt için gereken bir araç çalışmadı.",
  storage_unavailable: "Söyleşi şu anda saklanamıyor; yeniden denenecek.",
  unauthorized: "Önce oturum açmanız gerekiyor.",
  forbidden: "Buna izin verilmiyor.",
  draining: "Sunucu yeniden başlıyor; birazdan dönecek.",
  overloaded: "Sunucu dolu; lütfen birazdan yeniden deneyin.",
};

const ENGLISH_PROBLEMS: Readonly<Record<string, string>> = {
  unauthorized: "please sign in first.",
  forbidden: "you may not do this.",
  overloaded: "too many connections from here.",
  conversation_not_found: "the conversation was erased.",
  invalid_frame: "this page and the server do not understand each other. Please reload.",
};

const TEXTS: Readonly<Record<Locale, Readonly<Record<TextKey, string>>>> = { en: ENGLISH, tr: TURKISH };

export function isTextKey(key: string): key is TextKey {
  return Object.hasOwn(ENGLISH, key);
}

export interface Words {
  readonly locale: Locale;
  say(key: TextKey, values?: Readonly<Record<string, string | number>>): string;
  /** Words for an error code; `message` is the server's own, where there is one. */
  explain(code: string, message?: string): string;
}

export function createWords(locale: Locale): Words {
  return {
    locale,
    say: (key, values = {}) =>
      TEXTS[locale][key].replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole)),
    explain: (code, message) => {
      const turkish = locale === "tr" ? TURKISH_PROBLEMS[code] : undefined;
      return turkish ?? message ?? ENGLISH_PROBLEMS[code] ?? code;
    },
  };
}

/** The first of the visitor's languages that the page speaks. */
export function chooseLocale(wanted: readonly string[]): Locale {
  for (const tag of wanted) {
    const language = tag.toLowerCase().split("-")[0];
    if (language === "en" || language === "tr") return language;
  }
  return "en";
}
