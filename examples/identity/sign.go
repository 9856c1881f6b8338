// The identity token of a user, with the standard library alone. Reads HANDRAIL_IDENTITY_SECRET.
package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"time"
)

// IdentityToken is an HS256 JWT that says who the user is; lasting is how long it is good for.
func IdentityToken(userID, secret string, lasting time.Duration) (string, error) {
	encode := base64.RawURLEncoding.EncodeToString
	header, err := json.Marshal(map[string]string{"alg": "HS256", "typ": "JWT"})
	if err != nil {
		return "", err
	}
	claims, err := json.Marshal(map[string]any{"sub": userID, "exp": time.Now().Add(lasting).Unix()})
	if err != nil {
		return "", err
	}
	text := encode(header) + "." + encode(claims)
	signature := hmac.New(sha256.New, []byte(secret))
	signature.Write([]byte(text))
	return text + "." + encode(signature.Sum(nil)), nil
}

func main() {
	secret := os.Getenv("HANDRAIL_IDENTITY_SECRET")
	if len(os.Args) != 2 || secret == "" {
		fmt.Fprintln(os.Stderr, "usage: HANDRAIL_IDENTITY_SECRET=... go run sign.go USER_ID")
		os.Exit(1)
	}
	token, err := IdentityToken(os.Args[1], secret, 10*time.Minute)
	if err != nil {
		panic(err)
	}
	fmt.Println(token)
}
