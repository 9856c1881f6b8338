<?php
// The identity token of a user, with PHP alone. Reads HANDRAIL_IDENTITY_SECRET.
declare(strict_types=1);

/** An HS256 JWT that says who the user is; $seconds: how long it is good for. */
function identity_token(string $userId, string $secret, int $seconds = 600): string
{
    $encode = fn (string $data): string => rtrim(strtr(base64_encode($data), '+/', '-_'), '=');
    $claims = ['sub' => $userId, 'exp' => time() + $seconds];
    $parts = [['alg' => 'HS256', 'typ' => 'JWT'], $claims];
    $text = implode('.', array_map(fn (array $part): string => $encode(json_encode($part, JSON_THROW_ON_ERROR)), $parts));

    return $text . '.' . $encode(hash_hmac('sha256', $text, $secret, true));
}

if (PHP_SAPI === 'cli' && realpath($argv[0]) === __FILE__) {
    $secret = (string) getenv('HANDRAIL_IDENTITY_SECRET');
    if ($argc !== 2 || $secret === '') {
        fwrite(STDERR, "usage: HANDRAIL_IDENTITY_SECRET=... php sign.php USER_ID\n");
        exit(1);
    }
    echo identity_token($argv[1], $secret), "\n";
}
