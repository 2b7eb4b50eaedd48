package web_test

import (
	"net/http"
	"net/url"
	"testing"
)

func TestALostPhoneIsSignedOutByAWorkerOfACentreThatFollows(t *testing.T) {
	t.Parallel()
	tn := newTown(t)
	amina, samir := tn.amina(), tn.desk(tn.samir)
	amina.follows(tn.harbor.Relay, nil).ok()
	path := samir.get(tn.relayPath()).ok("Amina K.").link(tn.relayPath() + "/people/[a-z2-7]+")
	stop := samir.get(path).ok("Téléphone perdu : fermer partout").link(path + "/stop-sessions")
	samir.get(stop).ok("Téléphone perdu", "Amina K.", "Rien n’est perdu")
	samir.post(stop, url.Values{}).is(http.StatusUnprocessableEntity, "Remplissez cette case.")
	amina.get("/").ok("Mon espace")
	samir.post(stop, url.Values{"why": {"téléphone volé à la gare"}}).ok("tous les appareils de cette personne sont fermés", "Pourquoi ?", "Amina K.")

	amina.get("/papers").ok("Entrer").without("Mon espace")
	amina.signIn(password).ok("Mon espace")
	amina.get("/journal").ok("Appareils déconnectés", "Samir, Accueil du Port", "téléphone volé à la gare")
	amina.get("/papers").ok()
}
