# The identity token of a user, with the standard library alone. Reads HANDRAIL_IDENTITY_SECRET.
require "json"
require "openssl"

# An HS256 JWT that says who the user is; `seconds`: how long it is good for.
def identity_token(user_id, secret, seconds: 600)
  encode = ->(data) { [data].pack("m0").tr("+/", "-_").delete("=") }
  claims = { sub: user_id, exp: Time.now.to_i + seconds }
  text = [{ alg: "HS256", typ: "JWT" }, claims].map { |part| encode.(JSON.generate(part)) }.join(".")
  "#{text}.#{encode.(OpenSSL::HMAC.digest("SHA256", secret, text))}"
end

if $PROGRAM_NAME == __FILE__
  secret = ENV.fetch("HANDRAIL_IDENTITY_SECRET", "")
  abort "usage: HANDRAIL_IDENTITY_SECRET=... ruby sign.rb USER_ID" if ARGV.size != 1 || secret.empty?
  puts identity_token(ARGV.first, secret)
end
