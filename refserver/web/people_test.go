package web

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/vault"
)

// followed is a roster of so many people.
func followed(names ...string) (all []personRow) {
	for i, name := range names {
		all = append(all, personRow{consent.Person{Vault: vault.ID{byte(i), byte(i >> 8), 1}, Name: name}, "Voir"})
	}
	return all
}

func TestThreeHundredPeopleAreTurnedPageByPage(t *testing.T) {
	t.Parallel()
	var names []string
	for i := range 300 {
		names = append(names, fmt.Sprintf("Personne %03d", i))
	}
	all := followed(names...)
	look, err := NewLook()
	require.NoError(t, err)
	fr := speaking(t, "fr")
	set, err := parseTemplates(fr.functions(look))
	require.NoError(t, err)
	seen := 0
	next := "/staff/relays/x?page=1"
	for turn := 1; next != ""; turn++ {
		require.Equal(t, fmt.Sprintf("/staff/relays/x?page=%d", turn), next)
		view := peopleView{Form: newForm(), Helps: true, Many: true}
		view.turnTo(all, fmt.Sprint(turn), "/staff/relays/x")
		out, err := renderPage(set, "people", page{Language: fr.Language, Data: view})
		require.NoError(t, err)
		require.Less(t, len(out), 40_000, "with style and pictures it must stay light")
		require.Contains(t, string(out), fmt.Sprintf("Page %d sur 6", turn))
		require.Contains(t, string(out), "Chercher un nom")
		require.Equal(t, len(view.People), strings.Count(string(out), ">Personne "))
		require.Equal(t, names[seen], view.People[0].Name)
		seen, next = seen+len(view.People), view.Next
	}
	require.Equal(t, 300, seen, "nobody is left out")
	for _, wrong := range []string{"", "0", "-4", "x", "99999999999999999999"} {
		view := peopleView{}
		view.turnTo(all, wrong, "/")
		require.Equal(t, 1, view.Page, wrong)
	}
	view := peopleView{}
	view.turnTo(all, "7", "/")
	require.Equal(t, 6, view.Page)
	view = peopleView{}
	view.turnTo(nil, "1", "/")
	require.Empty(t, view.People)
	require.Empty(t, view.Before+view.Next)
}

func TestANameIsFoundHoweverItIsSpelled(t *testing.T) {
	t.Parallel()
	all := followed("Zoé Exemple", "Élodie N’Diaye", "أحمد مثال", "Ömer Örnek")
	for sought, who := range map[string]string{
		"zoe": "Zoé Exemple", "exemple ZO": "Zoé Exemple", "Elodie": "Élodie N’Diaye", "diaye élo": "Élodie N’Diaye", "احمد": "أحمد مثال", " omer  ornek ": "Ömer Örnek",
	} {
		found := named(all, sought)
		require.Len(t, found, 1, sought)
		require.Equal(t, who, found[0].Name)
	}
	require.Empty(t, named(all, "zoe ndiaye"))
}
