package recovery

import (
	"errors"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Strength is how hard answers are to guess, after all that is forgiven: capitals,
// accents, spaces, punctuation, spellings of Arabic letters, digits of other scripts.
type Strength struct {
	Bits   float64
	Enough bool
}

// enoughBits is what answers must be worth. They are evaluated at most twenty times
// without a sign-in of the person, so that at 20 bits one in fifty thousand is guessed:
// as with the six digits of an access card. And nobody comes to guess at all without the
// half of a relay or a desk.
const enoughBits = 20

// Bounds of answers.
const (
	fewestQuestions, mostQuestions = 3, 5
	fewestPictures, mostPictures   = 5, 12
	maxQuestion                    = 200 // characters
	maxAnswer                      = 400 // bytes, as it was typed
)

// What an answer is worth. The entropy of names is about one and a half bits for a letter,
// more where vowels are not written, or a letter is a syllable. But people answer with what
// others answer with, too, and with what others know of them. So no answer counts for more
// than one in five hundred, however long.
const (
	mostAnswerBits = 9.0
	letterBits     = 1.5
	consonantBits  = 2.0 // Arabic, Hebrew, Syriac
	syllableBits   = 3.0 // Ethiopic, Han, Hangul, Kana
)

// AnswersStrength estimates answers, or says it exactly of pictures: six bits for each
// that has not come before and does not stand beside the one before in the list.
//
// Of free answers it is an estimate on the low side. Counted for nothing: what is in the
// question, what comes twice, letters that repeat, and the answers that everybody gives.
// What a helper knows of somebody it cannot know: the questions should not be about that.
func AnswersStrength(a NewAnswers) Strength {
	bits := 0.0
	if len(a.Pictures) > 0 {
		bits = pictureBits(a.Pictures)
	} else {
		bits = questionBits(a.Questions)
	}
	return Strength{Bits: bits, Enough: bits >= enoughBits}
}

func questionBits(questions []Question) (bits float64) {
	var before []string
	for _, q := range questions {
		answer := normalAnswer(q.Answer)
		again := false
		for _, b := range before {
			again = again || strings.Contains(b, answer) || strings.Contains(answer, b)
		}
		before = append(before, answer)
		if !again && !everybodySays(answer) {
			bits += answerBits(withoutQuestion(answer, q.Text))
		}
	}
	return bits
}

// withoutQuestion takes the words of the question out of an answer.
func withoutQuestion(answer, question string) string {
	for _, word := range strings.FieldsFunc(question, func(r rune) bool { return !unicode.In(r, unicode.L, unicode.M, unicode.N) }) {
		if word = normalAnswer(word); utf8.RuneCountInString(word) > 2 {
			answer = strings.ReplaceAll(answer, word, "")
		}
	}
	return answer
}

// answerBits counts the letters of an answer: none that repeats the one before it, and
// each at most twice.
func answerBits(answer string) (bits float64) {
	seen, last := map[rune]int{}, rune(0)
	for _, r := range answer {
		if r != last && seen[r] < 2 {
			bits += runeBits(r)
		}
		seen[r]++
		last = r
	}
	return min(bits, mostAnswerBits)
}

func runeBits(r rune) float64 {
	switch {
	case unicode.In(r, unicode.Arabic, unicode.Hebrew, unicode.Syriac):
		return consonantBits
	case unicode.In(r, unicode.Ethiopic, unicode.Han, unicode.Hangul, unicode.Hiragana, unicode.Katakana):
		return syllableBits
	}
	return letterBits
}

// everybodySays knows what is tried first: what people call, eat, like and fill in.
func everybodySays(answer string) bool {
	for word := range strings.FieldsSeq(commonAnswers) {
		if normalAnswer(word) == answer {
			return true
		}
	}
	return false
}

const commonAnswers = `
	yes no oui non si nothing rien none aucun idontknow jenesaispas test password motdepasse secret azerty qwerty
	0 1 12 123 1234 12345 123456 0000 1111 2000 2020
	mum mom mother maman mama mere dad father papa pere brother frere sister soeur baby bebe
	maria marie mary anna ana jean john peter pierre paul michel ali ahmed ahmad mohamed mohammed mohammad muhammad mamadou fatima aisha ibrahim omar hassan
	paris london londres lyon marseille france kabul kaboul kyiv kiev asmara asmera damascus damas khartoum
	football foot soccer pizza kebab couscous rice riz chicken poulet pasta pates coffee cafe tea
	red rouge blue bleu green vert black noir white blanc
	dog chien cat chat rex max bella tiger
	god dieu allah jesus love amour
	نعم لا محمد احمد علي فاطمة عائشة أمي أبي الله باريس كابل دمشق أحمر أزرق أخضر أسود أبيض قطة كلب كرة رز شاي قهوة
	مادر پدر هو نه بلی برنج چای سگ پشک سرخ سبز سیاه سفید مور پلار
	አስመራ ማርያም ኣቦይ ኣደይ እወ ኣይፋልን ቡን ሻሂ
	мама тато так ні марія анна олександр київ кіт пес червоний синій футбол борщ кава чай`

// check names every problem of answers at once, and returns what they are worth.
func (a *NewAnswers) check() (Strength, error) {
	var problems []error
	bad := func(is bool, field, problem string) {
		if is {
			problems = append(problems, invalid(field, problem))
		}
	}
	if a.Pictures != nil {
		bad(a.Questions != nil, "answers", "are either questions or pictures")
		bad(len(a.Pictures) < fewestPictures || len(a.Pictures) > mostPictures, "pictures", "are not five to twelve")
		bad(slices.ContainsFunc(a.Pictures, func(name string) bool { return pictureNamed(name) == "" }), "pictures", "hold a name that is none of Pictures")
	} else {
		bad(len(a.Questions) < fewestQuestions || len(a.Questions) > mostQuestions, "questions", "are not three to five")
	}
	for _, q := range a.Questions {
		bad(strings.TrimSpace(q.Text) == "" || utf8.RuneCountInString(q.Text) > maxQuestion || !lasting(q.Text), "question", "is empty, longer than 200 characters, or holds characters that nobody can read")
		bad(normalAnswer(q.Answer) == "", "answer", "is empty: an answer has letters or digits")
		bad(len(q.Answer) > maxAnswer, "answer", "is longer than 400 bytes")
		bad(!lasting(q.Answer), "answer", "holds characters that may mean something else tomorrow")
	}
	if len(problems) > 0 {
		return Strength{}, errors.Join(problems...)
	}
	s := AnswersStrength(*a)
	if !s.Enough {
		return s, ErrWeak
	}
	return s, nil
}

// form is how answers are kept, and given again.
func (a *NewAnswers) form() (form uint8, answers []string, show shown) {
	if a.Pictures != nil {
		return formPictures, a.Pictures, shown{Pictures: uint8(len(a.Pictures))}
	}
	for _, q := range a.Questions {
		answers, show.Questions = append(answers, q.Answer), append(show.Questions, strings.TrimSpace(q.Text))
	}
	return formAnswers, answers, show
}
