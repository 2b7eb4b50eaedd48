package consent

import (
	"slices"
	"strings"
	"time"

	"reconnect.example/internal/safename"
)

// receiptWords are the texts of a printed receipt in one language. A code that a
// later version writes is printed as it is.
type receiptWords struct {
	title, ended                                                                  string
	number, principal, controller, recipient, notice, language, given, until      string
	method, data, purposes, basis, storage, retention, withdrawal, rights, signed string
	open, at                                                                      string
	and, clock                                                                    string // between the parts of a line; how a time is written
	codes                                                                         map[string]string
}

var receiptLanguages = map[string]receiptWords{
	"en": {
		title: "Receipt of consent", ended: "Receipt of the end of a consent",
		number: "Receipt number", principal: "Safe of", controller: "Answers for it", recipient: "Who", notice: "Notice that was read",
		language: "in", given: "On", until: "Lasts", method: "They may", data: "Of what", purposes: "What for", basis: "On the ground of",
		storage: "Where it is kept", retention: "How long", withdrawal: "How to end it", rights: "Your rights", signed: "Signed by the safe and by the service",
		open: "until you end it", at: "until ", and: ", ", clock: "2006-01-02 15:04",
		codes: map[string]string{
			"see": "see what you share", "see-chosen": "see what you chose, and nothing else", "see-and-add": "see what you share, and add to it", "give": "leave papers for you, and see nothing", "help": "help you back in by phone, and see nothing", "take-chosen": "take a copy of what you chose, and nothing else",
			"documents": "documents", "contacts": "contacts", "appointments": "appointments", "notes": "notes", "chosen-items": "the papers that you chose", "recovery-half": "half of a key, which opens nothing alone",
			"access-to-rights": "to help you with your rights", "recovery": "to help you back in when you have forgotten or lost everything", "consent": "your consent (GDPR, article 6 (1) (a))", "this-service": "on this service, encrypted",
			"while-given": "as long as you allow it; what was seen may have been kept",
			"own-safe":    "in your safe, under who can see, at any time, with one tap", "any-relay": "or with the help of any centre",
			"access": "to see what was opened, by whom and why", "withdrawal": "to end this at any time", "erasure": "to have everything erased",
			"portability": "to take everything with you", "complaint": "to complain to the data protection authority",
			StateGiven: "agreed", StateWithdrawn: "you ended it", StateExpired: "its time was over", StateTerminated: "ended by the centre, or the centre is not one any more",
		},
	},
	"fr": {
		title: "Reçu de consentement", ended: "Reçu de fin de consentement",
		number: "Numéro du reçu", principal: "Espace de", controller: "Responsable", recipient: "Qui", notice: "Notice lue",
		language: "en", given: "Le", until: "Durée", method: "Peut", data: "Sur quoi", purposes: "Pour quoi", basis: "Sur quelle base",
		storage: "Où c'est gardé", retention: "Combien de temps", withdrawal: "Comment y mettre fin", rights: "Vos droits", signed: "Signé par l'espace et par le service",
		open: "jusqu'à ce que vous y mettiez fin", at: "jusqu'au ", and: ", ", clock: "02/01/2006 15:04",
		codes: map[string]string{
			"see": "voir ce que vous partagez", "see-chosen": "voir ce que vous avez choisi, et rien d'autre", "see-and-add": "voir ce que vous partagez, et y ajouter", "give": "déposer des papiers pour vous, sans rien voir", "help": "vous aider à revenir, par téléphone, sans rien voir", "take-chosen": "prendre une copie de ce que vous avez choisi, et rien d'autre",
			"documents": "documents", "contacts": "contacts", "appointments": "rendez-vous", "notes": "notes", "chosen-items": "les papiers que vous avez choisis", "recovery-half": "la moitié d'une clé, qui seule n'ouvre rien",
			"access-to-rights": "vous aider dans vos droits", "recovery": "vous aider à revenir si vous avez tout oublié ou tout perdu", "consent": "votre consentement (RGPD, article 6, 1, a)", "this-service": "sur ce service, chiffré",
			"while-given": "tant que vous le permettez ; ce qui a été vu a pu être gardé",
			"own-safe":    "dans votre espace, page « qui peut voir », à tout moment, d'un geste", "any-relay": "ou avec l'aide de n'importe quel centre",
			"access": "voir ce qui a été ouvert, par qui et pourquoi", "withdrawal": "y mettre fin à tout moment", "erasure": "faire tout effacer",
			"portability": "tout emporter avec vous", "complaint": "saisir l'autorité de protection des données (en France, la CNIL)",
			StateGiven: "accord donné", StateWithdrawn: "vous y avez mis fin", StateExpired: "le temps prévu est passé", StateTerminated: "le centre y a mis fin, ou n'est plus un centre",
		},
	},
	"ar": {
		title: "إيصال موافقة", ended: "إيصال انتهاء موافقة",
		number: "رقم الإيصال", principal: "مساحة", controller: "المسؤول", recipient: "من", notice: "النص المقروء",
		language: "باللغة", given: "في", until: "المدة", method: "يستطيع", data: "على ماذا", purposes: "لماذا", basis: "على أي أساس",
		storage: "أين يُحفظ", retention: "كم من الوقت", withdrawal: "كيف توقفه", rights: "حقوقك", signed: "وقّعته المساحة والخدمة",
		open: "إلى أن توقفه أنت", at: "حتى ", and: "، ",
		clock: "2006/01/02 15:04", // slashes: hyphens would turn round after an Arabic letter (UAX 9)
		codes: map[string]string{
			"see": "رؤية ما تشاركه", "see-chosen": "رؤية ما اخترته، ولا شيء غيره", "see-and-add": "رؤية ما تشاركه، والإضافة إليه", "give": "ترك أوراق لك، بدون رؤية أي شيء", "help": "مساعدتك على الرجوع، بالهاتف، بدون رؤية أي شيء", "take-chosen": "أخذ نسخة مما اخترته، ولا شيء غيره",
			"documents": "الأوراق", "contacts": "جهات الاتصال", "appointments": "المواعيد", "notes": "الملاحظات", "chosen-items": "الأوراق التي اخترتها", "recovery-half": "نصف مفتاح، وحده لا يفتح شيئًا",
			"access-to-rights": "مساعدتك في حقوقك", "recovery": "مساعدتك على الرجوع إذا نسيت كل شيء أو ضاع منك كل شيء", "consent": "موافقتك (RGPD، المادة 6، 1، a)", "this-service": "في هذه الخدمة، مشفّرًا",
			"while-given": "ما دمت تسمح بذلك؛ ما رأوه قد يكونون احتفظوا به",
			"own-safe":    "في مساحتك، صفحة «من يستطيع أن يرى»، في أي وقت، بضغطة واحدة", "any-relay": "أو بمساعدة أي مركز",
			"access": "رؤية ما فُتح، ومن فتحه، ولماذا", "withdrawal": "إيقاف هذا في أي وقت", "erasure": "طلب مسح كل شيء",
			"portability": "أخذ كل شيء معك", "complaint": "تقديم شكوى إلى الهيئة التي تحمي المعلومات الشخصية (في فرنسا: CNIL)",
			StateGiven: "وافقت", StateWithdrawn: "أوقفته أنت", StateExpired: "انتهى الوقت", StateTerminated: "أوقفه المركز، أو لم يعد مركزًا",
		},
	},
}

// Text returns the receipt as plain text to be printed, in French ("fr", "fr-CA", …),
// Arabic ("ar") or English (any other language). Names in it cannot change the order of
// what stands around them. The times are in zone; nil: UTC.
func (r *Receipt) Text(language string, zone *time.Location) string {
	return r.text(language, zone, func(receiptLine) bool { return true })
}

// Parts returns the receipt in two: what was agreed to, in plain words, and what only a
// lawyer or a technician asks for, such as the digest of the notice. Together they say all
// that [Receipt.Text] says.
func (r *Receipt) Parts(language string, zone *time.Location) (plain, technical string) {
	plain = r.text(language, zone, func(l receiptLine) bool { return !l.technical })
	technical = r.text(language, zone, func(l receiptLine) bool { return l.technical })
	return plain, technical
}

// receiptLine is one line of it: what it is about, and what it says.
type receiptLine struct {
	label     string
	technical bool
	values    []string
}

func (r *Receipt) text(language string, zone *time.Location, takes func(receiptLine) bool) string {
	if zone == nil {
		zone = time.UTC
	}
	tag, _, _ := strings.Cut(strings.ToLower(language), "-")
	w, known := receiptLanguages[tag]
	if !known {
		w = receiptLanguages["en"]
	}
	title := w.title
	if r.Event.State != StateGiven {
		title = w.ended
	}
	var b strings.Builder
	if takes(receiptLine{}) {
		b.WriteString(title + "\n\n")
	}
	for _, line := range w.lines(r, zone) {
		if text := strings.Join(line.values, w.and); text != "" && takes(line) {
			b.WriteString(line.label + " : " + text + "\n")
		}
	}
	if takes(receiptLine{technical: true}) {
		b.WriteString("\n" + w.signed + "\n")
	}
	return b.String()
}

func (w *receiptWords) lines(r *Receipt, zone *time.Location) []receiptLine {
	p, n, until := r.Processing, r.Processing.Notice, ""
	if r.Event.State == StateGiven {
		until = w.duration(r.Event.Duration, zone)
	}
	return []receiptLine{
		{w.number, true, []string{safename.Line(r.ID)}},
		{w.principal, true, []string{r.Principal.String()}},
		{w.recipient, false, r.Recipient.printed()},
		{w.controller, false, r.Controller.printed()},
		{w.given, false, []string{w.time(r.Event.Time, zone), w.code(r.Event.State)}},
		{w.until, false, []string{until}},
		{w.method, false, []string{w.code(p.method())}},
		{w.data, false, w.each(p.Data)},
		{w.purposes, false, w.each(p.Purposes)},
		{w.basis, true, []string{w.code(p.LawfulBasis)}},
		{w.storage, true, w.each(p.Storage)},
		{w.retention, false, []string{w.code(p.Retention)}},
		{w.withdrawal, false, w.each(p.WithdrawalMethod)},
		{w.rights, false, w.each(p.Rights)},
		{w.notice, true, []string{safename.Line(n.Version) + " (" + w.language + " " + safename.Line(n.Language) + ")", "SHA-256 " + safename.Line(n.Digest)}},
	}
}

// method is what the recipient may: who sees what was chosen sees it also where it is
// private, and nothing of what is shared.
func (p Processing) method() string {
	if slices.Equal(p.Data, []string{"chosen-items"}) {
		return p.Scope + "-chosen"
	}
	return p.Scope
}

func (w *receiptWords) code(code string) string {
	if text, known := w.codes[code]; known {
		return text
	}
	return safename.Line(code)
}

func (w *receiptWords) each(codes []string) []string {
	out := make([]string, 0, len(codes))
	for _, c := range codes {
		out = append(out, w.code(c))
	}
	return out
}

func (w *receiptWords) duration(d string, zone *time.Location) string {
	if d == untilWithdrawn {
		return w.open
	}
	return w.at + w.time(d, zone)
}

func (w *receiptWords) time(s string, zone *time.Location) string {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return safename.Line(s)
	}
	return t.In(zone).Format(w.clock)
}

func (p Party) printed() (out []string) {
	for _, s := range []string{p.Name, p.Address, p.Contact, p.Country} {
		if s != "" {
			out = append(out, safename.Line(s))
		}
	}
	return out
}
