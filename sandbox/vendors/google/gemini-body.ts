import { z } from 'zod';

const text = z.string().max(10_000_000);
const jsonObject = z.record(z.string(), z.unknown());

const part = z.strictObject({
  text: text.optional(),
  thought: z.boolean().optional(),
  thoughtSignature: z.base64url().or(z.base64()).optional(),
  functionCall: z
    .strictObject({ id: z.string().optional(), name: z.string(), args: jsonObject.optional() })
    .optional(),
  functionResponse: z
    .strictObject({ id: z.string().optional(), name: z.string(), response: jsonObject })
    .optional(),
});

const content = z.strictObject({ role: z.string().optional(), parts: z.array(part).optional() });

const functionDeclaration = z.strictObject({
  name: z.string(),
  description: z.string().optional(),
  parameters: jsonObject.optional(),
  parametersJsonSchema: z.unknown().optional(),
  response: jsonObject.optional(),
  responseJsonSchema: z.unknown().optional(),
});

/** The body of `:generateContent` and `:streamGenerateContent`, as far as the sandbox plays it. */
export const geminiBodySchema = z.strictObject({
  contents: z.array(content).optional(),
  systemInstruction: content.optional(),
  tools: z
    .array(z.strictObject({ functionDeclarations: z.array(functionDeclaration).optional() }))
    .optional(),
  toolConfig: z
    .strictObject({
      functionCallingConfig: z
        .strictObject({
          mode: z.enum(['AUTO', 'ANY', 'NONE', 'VALIDATED']).optional(),
          allowedFunctionNames: z.array(z.string()).optional(),
        })
        .optional(),
    })
    .optional(),
  generationConfig: z
    .strictObject({
      temperature: z.number().min(0).max(2).optional(),
      topP: z.number().min(0).max(1).optional(),
      topK: z.number().min(1).optional(),
      seed: z.number().int().optional(),
      candidateCount: z.literal(1).optional(),
      maxOutputTokens: z.number().int().min(1).max(65_536).optional(),
      stopSequences: z.array(z.string()).max(5).optional(),
      thinkingConfig: z
        .strictObject({
          includeThoughts: z.boolean().optional(),
          thinkingBudget: z.number().int().min(-1).max(32_768).optional(),
          thinkingLevel: z.enum(['MINIMAL', 'LOW', 'MEDIUM', 'HIGH']).optional(),
        })
        .optional(),
    })
    .optional(),
});

export type GeminiBody = z.infer<typeof geminiBodySchema>;
export type GeminiContent = z.infer<typeof content>;
