package vault_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"reconnect.example/vault"
)

// inScript writes the digits of a login in the script whose zero is given.
func inScript(login string, zero rune) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return zero + r - '0'
		}
		return r
	}, login)
}

func TestALoginIsReadAsPeopleTypeIt(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	bare := strings.ReplaceAll(s.person.Login, " ", "")
	for _, typed := range []string{
		s.person.Login,
		bare,
		"  " + s.person.Login + "\t",
		strings.ReplaceAll(s.person.Login, " ", "-"),
		strings.ReplaceAll(s.person.Login, " ", " – "),
		strings.Join(strings.Split(bare, ""), "."),
		strings.ReplaceAll(s.person.Login, " ", "\u00a0"),
		inScript(s.person.Login, '٠'),                           // Arabic
		"\u200f" + inScript(s.person.Login, '٠') + "\u200e",     // with the marks that keyboards add
		inScript(s.person.Login, '۰'),                           // Persian
		inScript(s.person.Login, '०'),                           // Devanagari
		inScript(bare, '০'),                                     // Bengali
		inScript(bare, '０'),                                     // full width
		inScript(bare, '𝟶'),                                     // mathematical, monospace
		inScript(bare[:6], '٠') + " " + inScript(bare[6:], '0'), // mixed
	} {
		normal, err := vault.NormalLogin(typed)
		require.NoError(t, err, "%q", typed)
		require.Equal(t, s.person.Login, normal, "%q", typed)
		_, err = s.Unlock(t.Context(), vault.Password{Login: typed, Secret: s.person.Password})
		require.NoError(t, err, "%q", typed)
	}
}

func TestASlipInALoginIsToldWithoutAskingTheService(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	slip := []byte(s.person.Login)
	slip[2] = '0' + (slip[2]-'0'+1)%10
	swapped := strings.ReplaceAll(s.person.Login, " ", "")
	for _, typed := range []string{
		string(slip), swapped[:11], swapped + "0", "", "amina@example.org", s.person.Login + " x", strings.Repeat("0", 300), "\xff\xfe", "½½½½½½½½½½½½", "ⅫⅫⅫⅫ",
	} {
		_, err := s.Unlock(t.Context(), vault.Password{Login: typed, Secret: s.person.Password})
		requireInvalid(t, err, "login")
		require.NotContains(t, err.Error(), s.person.Login)
	}
}

func TestAPasswordIsTheSameOnEveryKeyboard(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	require.NoError(t, s.v.ChangePassword(t.Context(), vault.ChangePassword{Old: s.person.Password, New: "caf\u00e9 au lait ＡＢ"}))
	for _, typed := range []string{
		"caf\u00e9 au lait ＡＢ",
		"cafe\u0301 au lait ＡＢ",          // the accent as a character of its own
		"caf\u00e9\u00a0au\u3000lait ＡＢ", // other spaces
	} {
		_, err := s.Unlock(t.Context(), vault.Password{Login: s.person.Login, Secret: typed})
		require.NoError(t, err, "%q", typed)
	}
	for _, typed := range []string{"Caf\u00e9 au lait ＡＢ", "café au lait", "", "\x00", strings.Repeat("x", 1000), "caf\xe9 au lait"} {
		_, err := s.Unlock(t.Context(), vault.Password{Login: s.person.Login, Secret: typed})
		require.ErrorIs(t, err, vault.ErrSignIn, "%q", typed)
		s.Clock.Advance(vaultWait)
	}
}

func TestAPasswordMustBeFitForUse(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	bare := strings.ReplaceAll(s.person.Login, " ", "")
	for _, bad := range []string{
		"", "seven77", "aaaaaaaaaaaa", "abababababab", s.person.Login, bare, strings.Repeat("ab c d", 50), "control\x07here",
		"password", "Mot de passe 1", "soleil2026", "azertyuiop", "كلمة السر", "٠١/٠١/١٩٩٠", "reconnect", "abcdabcd",
	} {
		err := s.v.ChangePassword(t.Context(), vault.ChangePassword{Old: s.person.Password, New: bad})
		requireInvalid(t, err, "password")
		require.NotContains(t, err.Error(), s.person.Password)
	}
	for _, good := range []string{"قنديل بحر ازرق", "密码密码一二三四", "correct horse", strings.Repeat("longwords", 28) + "abcd"} {
		require.NoError(t, s.v.ChangePassword(t.Context(), vault.ChangePassword{Old: s.person.Password, New: good}), "%q", good)
		s.person.Password = good
		s.person.SignIn(t, s.Stage)
	}
}

func TestSuggestedPasswordsCanBeSpoken(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 50 {
		p, err := vault.SuggestPassword()
		require.NoError(t, err)
		require.Regexp(t, `^([a-z]{4} ){3}[a-z]{4}$`, p)
		require.True(t, utf8.ValidString(p))
		seen[p] = true
	}
	require.Len(t, seen, 50)
}

func TestAnOperatorFindsASpaceByItsLogin(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	login, err := s.v.Login(t.Context())
	require.NoError(t, err)
	for _, typed := range []string{login, strings.ReplaceAll(login, " ", ""), strings.ReplaceAll(login, " ", "-")} {
		id, err := s.ByLogin(t.Context(), typed)
		require.NoError(t, err)
		require.Equal(t, s.v.ID(), id)
	}
	other, err := vault.NewLogin()
	require.NoError(t, err)
	_, err = s.ByLogin(t.Context(), other)
	require.ErrorIs(t, err, vault.ErrNotFound)
	_, err = s.ByLogin(t.Context(), "Amina")
	requireInvalid(t, err, "login")
	key := keys(t, s.Store, "login/")[0]
	theirs := s.Person(t)
	for _, k := range keys(t, s.Store, "login/") {
		if k != key { // the record of somebody else
			set(t, s.Store, key, get(t, s.Store, k))
		}
	}
	require.NotEqual(t, s.v.ID(), theirs.Vault.ID())
	_, err = s.ByLogin(t.Context(), login)
	require.ErrorIs(t, err, vault.ErrTampered)
}
