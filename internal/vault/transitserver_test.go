package vault_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// transitServer speaks what HashiCorp Vault 1.13 and OpenBao speak at a transit engine
// mounted at "transit" with a key "isekai" of type aes256-gcm96, as their documentation
// and source have it: the paths, the envelope of an answer, the form of a ciphertext,
// and the words and statuses of refusals.
type transitServer struct {
	mu        sync.Mutex
	versions  []cipher.AEAD // of the key, the first is version 1
	oldest    int           // min_decryption_version
	sealed    bool
	namespace string
	calls     []string
	answers   []func(w http.ResponseWriter, r *http.Request) // instead of its own, one for each call
}

const transitToken = "hvs.test-token"

func newTransitServer() *transitServer {
	s := &transitServer{oldest: 1}
	s.rotate()
	return s
}

// rotate is POST transit/keys/isekai/rotate.
func (s *transitServer) rotate() {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	s.versions = append(s.versions, gcm)
}

// forget is POST transit/keys/isekai/config with min_decryption_version.
func (s *transitServer) forget(below int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.oldest = below
}

// instead answers the next calls with these.
func (s *transitServer) instead(answers ...func(w http.ResponseWriter, r *http.Request)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers, s.calls = answers, nil
}

func (s *transitServer) called() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.calls)
}

func refuse(status int, words ...string) func(w http.ResponseWriter, r *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]any{"errors": append([]string{}, words...)})
	}
}

func (s *transitServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, r.URL.Path)
	if len(s.answers) > 0 {
		answer := s.answers[0]
		s.answers = s.answers[1:]
		answer(w, r)
		return
	}
	switch {
	case s.sealed:
		refuse(503, "Vault is sealed")(w, r)
	case r.Header.Get("X-Vault-Token") != transitToken || r.Header.Get("X-Vault-Namespace") != s.namespace:
		refuse(403, "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n")(w, r)
	case r.Method != http.MethodPost && r.Method != http.MethodPut:
		refuse(405, "unsupported operation")(w, r)
	case r.URL.Path == "/v1/transit/encrypt/isekai":
		s.serve(w, r, s.encrypt)
	case r.URL.Path == "/v1/transit/decrypt/isekai":
		s.serve(w, r, s.decrypt)
	default:
		refuse(404, fmt.Sprintf("no handler for route %q. route entry not found.", strings.TrimPrefix(r.URL.Path, "/v1/")))(w, r)
	}
}

// serve decodes a request, and wraps what f gives into an answer.
func (s *transitServer) serve(w http.ResponseWriter, r *http.Request, f func(in map[string]string) (map[string]any, string)) {
	var in map[string]string
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		refuse(400, "failed to parse JSON input: "+err.Error())(w, r)
		return
	}
	data, problem := f(in)
	if problem != "" {
		refuse(400, problem)(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{
		"request_id": "0c1d9a44-5d7b-1c9a-7d9b-3c8c5b5d2e11", "lease_id": "", "renewable": false, "lease_duration": 0,
		"data": data, "wrap_info": nil, "warnings": nil, "auth": nil, "mount_type": "transit",
	})
}

func (s *transitServer) encrypt(in map[string]string) (map[string]any, string) {
	plain, err := base64.StdEncoding.DecodeString(in["plaintext"])
	if err != nil {
		return nil, "failed to base64-decode plaintext"
	}
	associated, err := base64.StdEncoding.DecodeString(in["associated_data"])
	if err != nil {
		return nil, "failed to decode associated_data"
	}
	gcm := s.versions[len(s.versions)-1]
	nonce := make([]byte, gcm.NonceSize())
	_, _ = rand.Read(nonce) // never fails
	sealed := gcm.Seal(nonce, nonce, plain, associated)
	return map[string]any{
		"ciphertext": fmt.Sprintf("vault:v%d:%s", len(s.versions), base64.StdEncoding.EncodeToString(sealed)), "key_version": len(s.versions),
	}, ""
}

func (s *transitServer) decrypt(in map[string]string) (map[string]any, string) {
	rest, ok := strings.CutPrefix(in["ciphertext"], "vault:v")
	number, text, whole := strings.Cut(rest, ":")
	version, err := strconv.Atoi(number)
	switch {
	case !ok:
		return nil, "invalid ciphertext: no prefix"
	case !whole || err != nil:
		return nil, "invalid ciphertext: version number could not be decoded"
	case version > len(s.versions):
		return nil, "invalid ciphertext: version is too new"
	case version < s.oldest:
		return nil, "ciphertext or signature version is disallowed by policy (too old)"
	}
	sealed, err := base64.StdEncoding.DecodeString(text)
	gcm := s.versions[version-1]
	if err != nil || len(sealed) < gcm.NonceSize() {
		return nil, "invalid ciphertext: could not decode base64"
	}
	associated, err := base64.StdEncoding.DecodeString(in["associated_data"])
	if err != nil {
		return nil, "failed to decode associated_data"
	}
	plain, err := gcm.Open(nil, sealed[:gcm.NonceSize()], sealed[gcm.NonceSize():], associated)
	if err != nil {
		return nil, "cipher: message authentication failed"
	}
	return map[string]any{"plaintext": base64.StdEncoding.EncodeToString(plain)}, ""
}
