package seal

import (
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/tink-crypto/tink-go/v2/insecuresecretdataaccess"
	"github.com/tink-crypto/tink-go/v2/jwt"
	"github.com/tink-crypto/tink-go/v2/jwt/jwtecdsa"
	"github.com/tink-crypto/tink-go/v2/secretdata"
)

// MaxToken is the longest token that is looked at, in bytes: what a QR code of a usual
// size holds, and no more work for whoever sends a longer one.
const MaxToken = 1500

// TokenKey signs what programs of others read, as a JSON Web Token (RFC 7519) with
// ES256: ECDSA over P-256 (RFC 7518, 3.4). It is the 32-byte private value, signs
// nothing else, and cannot be printed.
type TokenKey struct{ secret }

// TokenPublic is the public half of a [TokenKey], by the name that tokens know it by.
type TokenPublic struct {
	ID    string // the header "kid"
	Point []byte // SEC 1, uncompressed: 65 bytes
	// The days for which it speaks, for who reads a key set; "": not said. OpenToken does not
	// ask: it knows no claims.
	Since, Until string
}

// NewTokenKey draws a key.
func NewTokenKey() TokenKey {
	for {
		k, err := ecdh.P256().GenerateKey(rand.Reader)
		if err != nil { // crypto/rand ends the program instead
			continue
		}
		if s, err := newSecret(k.Bytes()); err == nil {
			return TokenKey{s}
		}
	}
}

// TokenKeyFromBytes takes the private value, copied. ErrFormat if it is none of the curve's.
func TokenKeyFromBytes(b []byte) (TokenKey, error) {
	if _, err := ecdh.P256().NewPrivateKey(b); err != nil {
		return TokenKey{}, fmt.Errorf("%w: not a key for tokens", ErrFormat)
	}
	s, err := newSecret(b)
	return TokenKey{s}, err
}

// Public is the point of the public key, SEC 1, uncompressed; nil for a zero key.
func (k TokenKey) Public() []byte {
	if k.IsZero() {
		return nil
	}
	own, err := ecdh.P256().NewPrivateKey(k.raw())
	if err != nil {
		return nil
	}
	return own.PublicKey().Bytes()
}

// SignToken signs claims, of which iss and jti go where RFC 7519 has them. kid names the
// key, and typ says what kind of token it is, so that none passes for another kind (RFC
// 8725, 3.11). There is no expiry: what was stated stays so until it is revoked.
func (k TokenKey) SignToken(kid, typ string, claims map[string]string) (string, error) {
	if k.IsZero() {
		return "", fmt.Errorf("%w: zero key", ErrArgument)
	}
	public, err := (TokenPublic{ID: kid, Point: k.Public()}).tink()
	if err != nil {
		return "", err
	}
	own, err := jwtecdsa.NewPrivateKeyFromPublicKey(secretdata.NewBytesFromData(k.raw(), insecuresecretdataaccess.Token{}), public)
	if err != nil {
		return "", errTink("token key")
	}
	h, err := handle(own)
	if err != nil {
		return "", err
	}
	signer, err := jwt.NewSigner(h)
	if err != nil {
		return "", errTink("token signer")
	}
	o := &jwt.RawJWTOptions{TypeHeader: &typ, WithoutExpiration: true, CustomClaims: map[string]any{}}
	for name, value := range claims {
		switch name {
		case "iss":
			o.Issuer = &value
		case "jti":
			o.JWTID = &value
		default:
			o.CustomClaims[name] = value
		}
	}
	raw, err := jwt.NewRawJWT(o)
	if err != nil {
		return "", errTink("claims")
	}
	token, err := signer.SignAndEncode(raw)
	if err != nil {
		return "", errTink("token")
	}
	if len(token) > MaxToken {
		return "", fmt.Errorf("%w: too long a token", ErrArgument)
	}
	return token, nil
}

// TokenKeyID reads by which key a token says it was signed. Nothing of it is believed:
// it says where to look for the key, which must be fixed before [OpenToken].
func TokenKeyID(token string) (string, error) {
	head, _, ok := strings.Cut(token, ".")
	if !ok || len(token) > MaxToken {
		return "", fmt.Errorf("%w: not a token", ErrFormat)
	}
	raw, err := base64.RawURLEncoding.DecodeString(head)
	var header struct {
		ID string `json:"kid"`
	}
	if err != nil || json.Unmarshal(raw, &header) != nil || header.ID == "" {
		return "", fmt.Errorf("%w: not a token", ErrFormat)
	}
	return header.ID, nil
}

// OpenToken returns the claims of what [TokenKey.SignToken] made with the key of public.
// The algorithm is that of the key, whatever the token says: "none", or a keyed hash with
// the public key for its key, opens nothing (RFC 8725, 2.1). ErrOpen.
func OpenToken(public TokenPublic, typ, token string) (map[string]string, error) {
	if kid, err := TokenKeyID(token); err != nil || kid != public.ID {
		return nil, ErrOpen
	}
	key, err := public.tink()
	if err != nil {
		return nil, err
	}
	h, err := handle(key)
	if err != nil {
		return nil, err
	}
	verifier, err := jwt.NewVerifier(h)
	if err != nil {
		return nil, errTink("token verifier")
	}
	validator, err := jwt.NewValidator(&jwt.ValidatorOpts{ExpectedTypeHeader: &typ, IgnoreIssuer: true, AllowMissingExpiration: true})
	if err != nil {
		return nil, errTink("token validator")
	}
	verified, err := verifier.VerifyAndDecode(token, validator)
	if err != nil {
		return nil, ErrOpen // and nothing of Tink's text, which tells the cases apart
	}
	raw, err := verified.JSONPayload()
	claims := map[string]string{}
	if err != nil || json.Unmarshal(raw, &claims) != nil {
		return nil, ErrOpen // signed, and in no form of ours
	}
	return claims, nil
}

// TokenKeySet writes public keys as a JSON Web Key Set (RFC 7517), as programs of others read them.
func TokenKeySet(keys []TokenPublic) ([]byte, error) {
	type jwk struct {
		Type  string `json:"kty"`
		Curve string `json:"crv"`
		X     string `json:"x"`
		Y     string `json:"y"`
		Use   string `json:"use"`
		Alg   string `json:"alg"`
		ID    string `json:"kid"`
		Since string `json:"since,omitempty"`
		Until string `json:"until,omitempty"`
	}
	set := struct {
		Keys []jwk `json:"keys"`
	}{Keys: []jwk{}}
	for _, k := range keys {
		if _, err := k.tink(); err != nil {
			return nil, err
		}
		x, y := base64.RawURLEncoding.EncodeToString(k.Point[1:33]), base64.RawURLEncoding.EncodeToString(k.Point[33:])
		set.Keys = append(set.Keys, jwk{Type: "EC", Curve: "P-256", X: x, Y: y, Use: "sig", Alg: "ES256", ID: k.ID, Since: k.Since, Until: k.Until})
	}
	return json.Marshal(set)
}

// tink is the key as Tink has it: the point is on the curve, or ErrFormat.
func (p TokenPublic) tink() (*jwtecdsa.PublicKey, error) {
	parameters, err := jwtecdsa.NewParameters(jwtecdsa.CustomKID, jwtecdsa.ES256)
	if err != nil {
		return nil, errTink("token parameters")
	}
	if p.ID == "" {
		return nil, fmt.Errorf("%w: a key for tokens without a name", ErrFormat)
	}
	k, err := jwtecdsa.NewPublicKey(jwtecdsa.PublicKeyOpts{PublicPoint: p.Point, CustomKID: p.ID, HasCustomKID: true, Parameters: parameters})
	if err != nil {
		return nil, fmt.Errorf("%w: not a public key for tokens", ErrFormat)
	}
	return k, nil
}
