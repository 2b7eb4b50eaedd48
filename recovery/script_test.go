package recovery_test

import (
	"encoding/json"
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/recovery"
	"reconnect.example/vault"
)

func doings(steps []recovery.Step) (all []recovery.Doing) {
	for _, s := range steps {
		all = append(all, s.Do)
	}
	return all
}

func TestEveryWayBackInHasAScriptInEachLanguageWithTheSameSteps(t *testing.T) {
	t.Parallel()
	for _, kind := range vault.PathKinds() {
		french, english, arabic := recovery.Script(kind, "fr"), recovery.Script(kind, "en"), recovery.Script(kind, "ar")
		require.Equal(t, doings(french), doings(english), kind)
		require.Equal(t, doings(french), doings(arabic), kind)
		for _, do := range []recovery.Doing{recovery.DoAsk, recovery.DoSay, recovery.DoAct, recovery.DoNever} {
			require.Contains(t, doings(french), do, kind)
		}
		require.Equal(t, recovery.DoNever, french[len(french)-1].Do, "what is read last is what is never done")
		for n := range french {
			require.NotEqual(t, french[n].Text, english[n].Text)
			for _, s := range []recovery.Step{french[n], english[n], arabic[n]} {
				require.Regexp(t, `^[\p{Lu}\p{Arabic}].*[.?؟]$`, s.Text, "whole sentences")
				require.Less(t, len([]rune(s.Text)), 160, "short enough to be said: %s", s.Text)
			}
		}
	}
	require.Nil(t, recovery.Script(0, "fr"))
	require.Nil(t, recovery.Script(vault.PathSheetDesk, "xx"))
	require.Nil(t, recovery.Script(vault.PathSheetDesk, "../script/fr"))
}

func TestTheFilesOfTheScriptsHoldNothingElse(t *testing.T) {
	t.Parallel()
	for _, language := range []string{"fr", "en", "ar"} {
		raw, err := os.ReadFile("script/" + language + ".json")
		require.NoError(t, err)
		var all map[string][]recovery.Step
		require.NoError(t, json.Unmarshal(raw, &all))
		require.Len(t, all, len(vault.PathKinds())+1, "one for each kind, and what is never done")
		for name, steps := range all {
			for _, s := range steps {
				require.Equal(t, name == "never", s.Do == recovery.DoNever, "%s: %s", name, s.Text)
			}
		}
	}
}

// asked are the sentences of a question that ask for something, without those that ask not to be told.
var asked = regexp.MustCompile(`[^.?؟]*[?؟]`)

// F12: what the helper heard, the helper could use.
func TestAHelperNeverAsksForWhatOpensASpace(t *testing.T) {
	t.Parallel()
	secret := regexp.MustCompile(`(?i)mot de passe|\bpin\b|\bcodes?\b|chiffre|quelles? .*réponse|password|digits|(what|which) .*answer|كلمة (ال)?سر|رمز|(^| )(ما|أي) .*(جواب|أجوب)`)
	for _, kind := range vault.PathKinds() {
		for _, language := range []string{"fr", "en", "ar"} {
			for _, s := range recovery.Script(kind, language) {
				if s.Do == recovery.DoAsk {
					for _, question := range asked.FindAllString(s.Text, -1) {
						require.NotRegexp(t, secret, question)
					}
				}
			}
		}
	}
	for _, forbidden := range []string{"What is the code of your sheet?", "Quelles sont vos réponses ?", "Quel est votre code PIN ?", "ما رمز ورقتك؟", "ما هي أجوبتك؟", "ما كلمة السر؟"} {
		require.Regexp(t, secret, forbidden, "what the test looks for")
	}
}

func TestWhoeverSaysNumberAndCodeSaysToWhomAlone(t *testing.T) {
	t.Parallel()
	for language, words := range map[string][]string{
		"fr": {"feuille de secours", "mot de passe", "PIN", "réponses", "numéro et le code", "a un espace"},
		"en": {"recovery sheet", "password", "PIN", "answers", "umber and code", "has a space"},
		"ar": {"ورقة الطوارئ", "كلمة سر", "PIN", "الأجوبة", "رقم الطلب والرمز", "لشخص مساحة"},
	} {
		for _, kind := range vault.PathKinds() {
			never := ""
			for _, s := range recovery.Script(kind, language) {
				if s.Do == recovery.DoNever {
					never += s.Text + "\n"
				}
			}
			for _, word := range words {
				require.Contains(t, never, word)
			}
		}
	}
}
