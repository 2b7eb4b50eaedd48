package recovery

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Each row is one answer, as people of one language write it on different days and
// keyboards; no row is another's.
var spellings = map[string][][]string{
	"French": {
		{"Saint-Étienne", "saint etienne", "SAINT ÉTIENNE", "Saint‑E\u0301tienne", "saintetienne", "ＳＡＩＮＴ　ＥＴＩＥＮＮＥ"},
		{"l’œuf dur", "l'oeuf dur", "L'Œuf  dur.", "loeufdur"},
		{"Noël", "noel", "NOËL", "Noe\u0308l"},
		{"Straße 12", "strasse 12", "STRASSE 12"},
		{"élève", "ELEVE"}, {"levé", "leve"},
	},
	"Turkish": {
		{"Isparta", "ısparta", "ISPARTA", "isparta", "İsparta"},
		{"Şükrü", "sukru", "ŞÜKRÜ"}, {"Çiğdem", "cigdem"},
	},
	"Arabic": {
		{"أحمد", "احمد", "إحمد", "أَحْمَد", "أحـــمد", "ٱحمد"},
		{"فاطمة", "فاطمه", "فَاطِمَة"},
		{"مصطفى", "مصطفي", "مصطفی"},
		{"مؤمن", "مومن"}, {"عائشة", "عايشه", "عائشه"}, {"علاء", "علا"},
		{"عبد الله", "عبدالله", "عبد\u200cالله", "عبد-الله"},
		{"كلب", "کلب"}, {"قلب"},
		{"عام ١٩٨٧", "عام 1987", "عام ۱۹۸۷"},
		{"لا إله", "ﻻ اله"},
	},
	"Pashto and Dari": {
		{"ښکلی", "ښكلي", "ښکلې"}, {"ګلاب", "گلاب"}, {"کابلی", "كابلي", "کابلۍ"},
		{"پروانه", "پروانۀ", "پروانہ"}, {"خانهٔ ما", "خانه ما"}, {"ژاله"}, {"زاله"}, {"ټول"}, {"تول"}, {"چای سبز", "چاي سبز", "چای\u200cسبز"},
	},
	"Tigrinya": {
		{"ሠላም", "ሰላም", "ሰላም።"}, {"ፀሓይ", "ጸሓይ"}, {"ኀይሊ", "ሀይሊ"}, {"ሓይሊ"}, {"ዓዲ"}, {"ኣዲ"}, {"ሰናይት", "ሠናይት"},
	},
	"Ukrainian": {
		{"Марʼяна", "Мар'яна", "МАРЯНА", "мар’яна"}, {"Київ", "киів", "КИЇВ"}, {"ґанок", "ганок"},
		{"Андрій", "андріи"}, {"кіт"}, {"кит"}, {"Черкаси 5", "черкаси, 5"},
	},
	"Russian":  {{"Ёлка", "елка"}},
	"Hebrew":   {{"שָׁלוֹם", "שלום"}},
	"Greek":    {{"Οδυσσέας", "ΟΔΥΣΣΕΑΣ", "οδυσσεασ"}},
	"Hindi":    {{"कि"}, {"का"}, {"के"}, {"२०", "20"}},
	"Japanese": {{"がくせい"}, {"かくせい"}, {"カメラ", "ｶﾒﾗ"}},
	"Korean":   {{"서울", "서울"}},
}

func TestAnAnswerIsTheSameHoweverItIsSpelt(t *testing.T) {
	t.Parallel()
	of := map[string]string{}
	for language, rows := range spellings {
		for _, row := range rows {
			normal := normalAnswer(row[0])
			require.NotEmpty(t, normal, row[0])
			for _, spelling := range row {
				require.Equal(t, normal, normalAnswer(spelling), "%s: %q is %q", language, spelling, row[0])
			}
			require.Empty(t, of[normal], "%s: %q and %q are two answers", language, row[0], of[normal])
			of[normal] = row[0]
		}
	}
}

// What was derived by the first rules is derived by them for ever: these lines stay.
func TestTheFirstRulesAreKept(t *testing.T) {
	t.Parallel()
	require.Equal(t, uint8(1), normal1)
	for answer, normal := range map[string]string{
		"L’Œuf d’Élodie, 3 ½ !": "loeufdelodie312", "Ærø Þór ŁÓDŹ Đà Nẵng": "aerothorlodzdanang", "Ⅳ²": "iv2",
		"إبراهيم بن موسى ٣": "ابراهيمبنموسي3", "شؤون هيئة": "شوونهييه", "ꦱ": "ꦱ", "ወ/ሮ ፀሓይነሽ ፩": "ወሮጸሓይነሽ፩", "Ґалаґан Й’": "галагани", "": "", "!?🐟": "",
	} {
		require.Equal(t, normal, normalAnswer(answer), answer)
	}
}

func TestPlainAnswersStayWhatTheyAre(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		a, b := rapid.StringMatching(`[a-z0-9]{0,12}`).Draw(r, "a"), rapid.StringMatching(`[a-z0-9]{0,12}`).Draw(r, "b")
		require.Equal(r, a == b, normalAnswer(a) == normalAnswer(b), "two clearly different answers are never one")
		require.Equal(r, a, normalAnswer(" "+strings.ToUpper(a)+"."))
	})
}

// Every two letters of one script that are no variants of each other stay two.
func TestLettersThatDifferStayDifferent(t *testing.T) {
	t.Parallel()
	for _, script := range []string{"abcdefghijklmnopqrstuvwxyz", "абвгдежзиіклмнопрстуфхцчшщьюяыэъє", "ابتثجحخدذرزسشصضطظعغفقكلمنهويپچژگټډړږښڼځڅ", "ሀለሐመረሰቀበተነአከወዐዘየደገጠጸፈፐሸቐቨቸኘኸዠጀጨ", "אבגדהוזחטיכלמנסעפצקרשת", "0123456789"} {
		seen := map[string]rune{}
		for _, r := range script {
			normal := normalAnswer(string(r))
			require.NotEmpty(t, normal)
			require.Zero(t, seen[normal], "%c and %c", r, seen[normal])
			seen[normal] = r
		}
	}
}

func TestNormalisingTwiceChangesNothing(t *testing.T) {
	t.Parallel()
	for r := rune(0); r <= unicode.MaxRune; r++ {
		once := normalAnswer(string(r))
		require.Equal(t, once, normalAnswer(once), "%U", r)
	}
}

func FuzzNormalAnswer(f *testing.F) {
	for _, rows := range spellings {
		for _, row := range rows {
			f.Add(row[0], row[len(row)-1])
		}
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		normal := normalAnswer(a)
		require.Equal(t, normal, normalAnswer(normal))
		require.True(t, utf8.ValidString(normal))
		require.Equal(t, normal, normalAnswer(" "+a+"."))
		if utf8.ValidString(a) {
			require.Equal(t, normal, normalAnswer("\u200f"+a+"\u200f"))
		}
		_ = normalAnswer(a + b)
	})
}
