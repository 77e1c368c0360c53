// Recognises the few messages that need no knowledge, in English and Turkish, however they are spelled.
// Anchored: the whole message must be the intent (greetings and names before it apart), so that a real question stays one.
// Attempts on the prompt are the exception: they are found anywhere.

import { fold } from "#app/core/folding.ts";

export type Intent = "greeting" | "who_are_you" | "thanks" | "bye" | "are_you_a_bot" | "show_prompt" | "help";

const GREETING = `hello|hi+|hey+|hiya|howdy|greetings|good (?:day|morning|afternoon|evening)|welcome|yo
  |merhaba(?:lar)?|selam(?:lar)?|selamun aleykum|slm|mrb|gunaydin|iyi (?:gunler|aksamlar|sabahlar)|tunaydin|hosbulduk|hos bulduk`;
const HOW_ARE_YOU = `how are you(?: doing)?(?: today)?|how do you do|how is it going|hows it going|whats up|what is up|nice to meet you
  |naber|ne haber|nbr|nasilsin(?:iz)?|nasil gidiyor|ne var ne yok|iyi misin(?:iz)?|memnun oldum|tanistigimiza memnun oldum`;
const THANKS = `thanks?(?: you)?(?: (?:so|very) much| a lot)?|thank u|thx|ty|many thanks|cheers|much appreciated
  |(?:cok )?tesekkur(?:ler)?(?: ederim| ederiz)?|tesekkurler|tsk|(?:cok )?sag ?ol(?:un)?|eyvallah|elinize saglik`;
const BYE = `(?:good ?)?bye(?: bye)?|good ?night|see (?:you|ya)(?: (?:later|soon|tomorrow|again))?|farewell|take care|so long
  |(?:sonra )?gorusuruz|gorusmek uzere|hos ?ca ?kal(?:in)?|hoscakal(?:in)?|gule gule|iyi geceler|bay bay|bb|elveda|kendine iyi bak`;
const WHO_ARE_YOU = `(?:so |and |but )?(?:who|what) (?:exactly )?(?:are|r) (?:you|u)(?: exactly| really)?|whos this|who is this|who am i (?:talking|speaking) (?:to|with)
  |(?:what is|whats) your name|(?:please )?(?:introduce yourself|tell me about yourself|tell me who you are)|can you introduce yourself|may i (?:know|ask) your name
  |(?:sen |siz )?(?:kimsin(?:iz)?|nesin(?:iz)?)(?: sen| siz)?|sen kim(?:sin)?|(?:senin |sizin )?(?:adin|adiniz|ismin|isminiz) ne(?:dir)?|kendini(?:zi)? tanit(?:ir misin(?:iz)?|in|sana)?
  |bana kendi(?:n|ni|nden|nizi|nizden)(?:den)? (?:bahset|anlat|tanit)(?:ir misin(?:iz)?|er misin(?:iz)?|in)?|kendinden bahset(?:er misin)?|kiminle (?:konusuyorum|gorusuyorum)`;
const HELP = `help(?: me)?|what can (?:you|i|we) (?:do|ask|ask you|talk about|tell me|answer)(?: about| here| with you)?|what (?:do|can) you (?:know|help(?: me)? with|talk about)(?: about)?
  |how (?:does this|can you|do you) (?:work|help)(?: me)?|what should i ask(?: you)?|what (?:questions|topics) can i ask(?: you)?|what (?:can|shall|should) we talk about
  |yardim(?: et| eder misin(?:iz)?| lazim)?|ne(?:ler)? yapabilir(?:sin|siniz|im)?|(?:sana|size) ne(?:ler)? sora(?:bilirim|yim)|ne(?:ler)? sorabilirim
  |ne(?:ler)? (?:biliyorsun(?:uz)?|anlatabilirsin(?:iz)?)|(?:ne|neler|hangi konular) hakkinda konusabili?r?(?:iz|im|sin|siniz)?|nasil yardimci olabilirsin(?:iz)?|ne ise yarar(?:sin)?`;
const BOT_NOUN = `(?:chat ?)?bots?|robot|ai|a i|artificial(?: intelligence)?|machine|human(?: being)?|real(?: human| person)?|person|computer(?: program)?|program|language model|llm|chat ?gpt|gpt|alive|fake|someone real`;
const ARE_YOU_A_BOT = `(?:so |but |wait |hmm )*(?:are|r) (?:you|u) (?:really |actually |just |truly |even )?(?:an? |the )?(?:real |living |actual )?(?:${BOT_NOUN})(?: or (?:not|an? )?(?:real |actual )?(?:${BOT_NOUN})?)?
  |am i (?:talking|speaking|chatting) (?:to|with) (?:an? )?(?:real )?(?:${BOT_NOUN})(?: or (?:an? )?(?:real )?(?:${BOT_NOUN}))?|is this (?:an? )?(?:real )?(?:${BOT_NOUN})|(?:you are|youre|ur) (?:an? )?(?:${BOT_NOUN})
  |(?:sen |siz )?(?:bir )?(?:gercek(?:ten)? )?(?:bir )?(?:(?:chat ?)?bot|robot|yapay zeka|ai|insan|gercek|makine|program|bilgisayar(?: programi)?|gercek (?:bir )?(?:kisi|insan)|canli|chatgpt|dil modeli) ?m[iu](?:s[iu]n(?:[iu]z)?|y[iu]m)?(?: sen| siz| yoksa .{1,30})?
  |(?:bir )?(?:bot|robot|yapay zeka|insan)(?:la|le)? mi (?:konusuyorum|gorusuyorum)`;

const PROMPT_ATTEMPT = [
  /\b(?:ignore|forget|disregard|override|bypass)\b.{0,40}\b(?:instructions?|rules|prompts?|guidelines|directives|above)\b/,
  /\b(?:show|print|reveal|repeat|display|output|give|tell|share|write|leak|copy|paste|what (?:is|are|was|were))\b.{0,30}\b(?:system (?:prompt|message|instructions?)|(?:your|the|initial|hidden|secret) (?:\w+ )?(?:prompt|instructions))\b/,
  /\b(?:developer|dan|jailbreak|god) mode\b|\bjailbreak\b|\byou are now (?:dan|an? unrestricted)\b/,
  /\b(?:talimat|yonerge|kural|komut)\p{L}*.{0,30}\b(?:unut|yok say|yoksay|gormezden gel|goz ?ardi|bos ?ver|gec)\p{L}*/u,
  /\b(?:sistem (?:mesaj|prompt|talimat|istem)\p{L}*|promptun\p{L}*|istemin\p{L}*|gizli talimat\p{L}*|talimatlarin\p{L}*).{0,30}\b(?:goster|yaz|soyle|paylas|ver|nedir|neler|ne|acikla|tekrarla)/u,
];

/** In this order: a farewell with thanks is a farewell, and a greeting is what is left. */
const ANCHORED: ReadonlyArray<readonly [Intent, RegExp]> = [
  ["are_you_a_bot", anchored(ARE_YOU_A_BOT)],
  ["who_are_you", anchored(WHO_ARE_YOU)],
  ["help", anchored(HELP)],
  ["bye", anchored(`(?:(?:${THANKS}) )*(?:${BYE})(?: (?:${BYE}|${THANKS}))*`)],
  [
    "thanks",
    anchored(
      `(?:${THANKS})(?: (?:for|icin) (?:everything|your help|the help|all|that|this|yardim(?:in|iniz)?|her ?sey))?`,
    ),
  ],
  ["greeting", anchored(`(?:(?:${HOW_ARE_YOU}) ?)+`)],
];

const OPENING = new RegExp(`^(?:(?:${oneLine(GREETING)})(?: there| all| everyone)?(?= |$) ?)+`);
const FILLER =
  /^(?:please|ok(?:ay)?|well|oh|ah|um|so|hmm|peki|lutfen|tamam|sey|ya)\s+|\s+(?:please|lutfen|then|friend|dear|my dear|sir|madam|canim|hocam|arkadasim|dostum|peki|ya|acaba)$/;
/** A longer text is never only small talk, and patterns need not be run over it. */
const MAX_INTENT_CHARS = 400;

/** The intent of a message, or undefined where an answer has to be looked for. `personaName` may be called by. */
export function findIntent(text: string, personaName: string): Intent | undefined {
  const plain = plainWords(text);
  if (plain === "" || plain.length > MAX_INTENT_CHARS) return undefined;
  if (PROMPT_ATTEMPT.some((pattern) => pattern.test(plain))) return "show_prompt";
  if (isAboutName(plain, personaName)) return "who_are_you";
  const message = withoutFillers(withoutName(plain, personaName));
  const rest = withoutFillers(message.replace(OPENING, ""));
  if (rest === "") return "greeting";
  return ANCHORED.find(([, pattern]) => pattern.test(rest) || pattern.test(message))?.[0];
}

/** Folded words with single spaces: no punctuation, no emoji, no apostrophes ("what's" is "whats"). */
function plainWords(text: string): string {
  return fold(text)
    .replace(/'/g, "")
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim();
}

/** "Who is Ada Lovelace?", asked of her. */
function isAboutName(plain: string, personaName: string): boolean {
  const name = plainWords(personaName.replace(/,.*$/, ""));
  return [`who is ${name}`, `who was ${name}`, `${name} kimdir`, `${name} kim`, `${name} kimdi`].includes(
    plain,
  );
}

/** The persona's name, called out at the beginning or the end. */
function withoutName(plain: string, personaName: string): string {
  const names = new Set(plainWords(personaName.replace(/,.*$/, "")).split(" "));
  const words = plain.split(" ");
  while (words.length > 1 && names.has(words.at(-1) ?? "")) words.pop();
  return words.filter((word, at) => !(names.has(word) && at < 3)).join(" ");
}

function withoutFillers(plain: string): string {
  let rest = plain;
  for (let before = ""; before !== rest; ) {
    before = rest;
    rest = rest.replace(FILLER, "");
  }
  return rest.trim();
}

function anchored(pattern: string): RegExp {
  return new RegExp(`^(?:${oneLine(pattern)})$`);
}

/** The tables above are broken over lines for reading. */
function oneLine(pattern: string): string {
  return pattern.replace(/\n\s*/g, "");
}
