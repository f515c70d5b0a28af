/*
 * REST calls: JSON in and out, problem documents as ApiError. The session is the browser's cookie; no token is ever in reach of a
 * script.
 */
import { language } from "./i18n";
import type { BoardInfo } from "@stacgate/client";
import type { GroupInfo } from "./live/room";

export interface User {
  id: string;
  email: string;
  firstName?: string | null;
  lastName?: string | null;
  role: string;
  isEmailVerified?: boolean;
  establishmentId?: string | null;
  establishment?: { id: string; name: string; slug: string } | null;
}

export interface SignIn {
  id: string;
  current: boolean;
  createdAt: string | null;
  lastUsedAt: string | null;
  userAgent: string | null;
  address: string | null;
}

export interface ApiToken {
  id: string;
  name: string;
  prefix: string;
  scopes: string[];
  expiresAt: string;
  lastUsedAt: string | null;
}

export interface Establishment {
  id: string;
  name: string;
  slug: string;
  domain?: string | null;
}

export interface GroupItem extends GroupInfo {
  isMember?: boolean;
  lastSeq?: number;
  unreadCount?: number;
  lastMessage?: { content?: string; createdAt?: string; isDeleted?: boolean; sender?: { firstName?: string | null } | null } | null;
}

export interface FieldError {
  field: string;
  code: string;
  message?: string;
}

/** status 0: no answer at all. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly fields: FieldError[] = [],
    readonly retryAfter = 0,
  ) {
    super(message);
  }
}

async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      credentials: "same-origin",
      headers: { Accept: "application/json", "Accept-Language": language(), ...(body ? { "Content-Type": "application/json" } : {}) },
      body: body ? JSON.stringify(body) : undefined,
    });
  } catch {
    throw new ApiError(0, "");
  }
  const answer: unknown = await response.json().catch(() => null);
  if (response.ok) return answer as T;
  const problem = (answer ?? {}) as { message?: string; title?: string; errors?: FieldError[] };
  const retryAfter = Number(response.headers.get("Retry-After")) || 0;
  throw new ApiError(response.status, problem.message ?? problem.title ?? "", problem.errors ?? [], retryAfter);
}

export interface CertificateFacts {
  valid: boolean;
  certificateNumber: string;
  title: string;
  holder: string | null;
  establishment: string;
  issueDate: string | null;
  expiryDate: string | null;
  revokedAt: string | null;
}

const id = encodeURIComponent;

export const api = {
  me: () => call<User>("GET", "/api/auth/user"),
  login: (email: string, password: string) => call<User>("POST", "/api/auth/login", { email, password }),
  logout: () => call<unknown>("POST", "/api/auth/logout"),
  register: (form: Record<string, string>) => call<User>("POST", "/api/auth/register", form),
  forgotPassword: (email: string) => call<unknown>("POST", "/api/auth/forgot-password", { email }),
  resetPassword: (token: string, password: string, keepTokens: boolean) => call<unknown>("POST", "/api/auth/reset-password", { token, password, keepTokens }),
  changePassword: (currentPassword: string, newPassword: string) => call<unknown>("POST", "/api/auth/change-password", { currentPassword, newPassword }),
  verifyEmail: (token: string) => call<unknown>("POST", "/api/auth/verify-email", { token }),
  sendVerification: () => call<unknown>("POST", "/api/auth/send-verification"),
  signIns: () => call<SignIn[]>("GET", "/api/auth/sessions"),
  endSignIn: (session: string) => call<unknown>("DELETE", `/api/auth/sessions/${id(session)}`),
  endOtherSignIns: () => call<unknown>("DELETE", "/api/auth/sessions"),
  tokens: () => call<ApiToken[]>("GET", "/api/auth/tokens"),
  revokeToken: (token: string) => call<unknown>("DELETE", `/api/auth/tokens/${id(token)}`),
  certificate: (code: string) => call<CertificateFacts>("GET", `/api/certificates/verify/${id(code)}`),
  establishments: () => call<Establishment[]>("GET", "/api/establishments"),
  groups: () => call<GroupItem[]>("GET", "/api/study-groups?limit=200"),
  createGroup: (form: Record<string, unknown>) => call<GroupItem>("POST", "/api/study-groups", form),
  joinGroup: (group: string) => call<unknown>("POST", `/api/study-groups/${id(group)}/join`, { action: "join" }),
  leaveGroup: (group: string) => call<unknown>("POST", `/api/study-groups/${id(group)}/join`, { action: "leave" }),
  boards: (group: string) => call<BoardInfo[]>("GET", `/api/study-groups/${id(group)}/whiteboards?limit=200`),
  createBoard: (group: string, title: string) => call<BoardInfo>("POST", `/api/study-groups/${id(group)}/whiteboards`, { title }),
  renameBoard: (board: string, title: string) => call<BoardInfo>("PATCH", `/api/whiteboards/${id(board)}`, { title }),
  deleteBoard: (board: string) => call<unknown>("DELETE", `/api/whiteboards/${id(board)}`),
};
