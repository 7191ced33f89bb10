-- Who may ask the API of weir serve --api. No password, token or cookie stands here, but what can be told from them.
CREATE TABLE app_user (
  name text PRIMARY KEY,
  role text NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
  password text NOT NULL,             -- argon2id, with its salt and parameters
  created_at bigint NOT NULL,
  password_at bigint NOT NULL
);

-- From POST /login until it is logged out, the password changes, or its time is over.
CREATE TABLE login (
  id text PRIMARY KEY,                -- SHA-256 of what the cookie says
  user_name text NOT NULL REFERENCES app_user (name),
  created_at bigint NOT NULL,
  used_at bigint NOT NULL             -- to a minute
);
CREATE INDEX login_by_user ON login (user_name);

-- Of programs: each asks as its user, with no more rights than its own role.
CREATE TABLE api_token (
  name text PRIMARY KEY,
  user_name text NOT NULL REFERENCES app_user (name),
  role text NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
  hash text NOT NULL UNIQUE,          -- SHA-256 of the token
  created_at bigint NOT NULL,
  expires_at bigint,                  -- NULL: never
  used_at bigint                      -- to a minute
);
CREATE INDEX api_token_by_user ON api_token (user_name);
