package web_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAManagerDownloadsWhatWasCountedAndAWorkerDoesNot(t *testing.T) {
	t.Parallel()
	tn, _, samir, _ := attestedTown(t)
	path := tn.relayPath() + "/team/counts.csv"
	manager := tn.desk(tn.harbor.Manager)
	manager.get(tn.relayPath() + "/team").ok("Nombres par mois")
	table := manager.get(path)
	require.Equal(t, http.StatusOK, table.Status)
	require.Equal(t, "text/csv; charset=utf-8", table.Header.Get("Content-Type"))
	require.True(t, strings.HasPrefix(table.Body, "\ufeffCentre,Mois,Ce qui est compté,Nombre\r\nAccueil du Port,"), table.Body)
	require.True(t, strings.HasSuffix(table.Body, ",Espaces ouverts par l’équipe,<10\r\n"), table.Body)
	samir.get(path).is(http.StatusForbidden)
	manager.get(tn.relayPath()+"/team/counts").ok("Espaces ouverts par l’équipe", "<10", "Aucun total").without("Papiers ajoutés")
	samir.get(tn.relayPath() + "/team/counts").is(http.StatusForbidden)
}
